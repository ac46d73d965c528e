"""Local models, with tiny random ones on the CPU; skipped where torch is not installed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from bench_support import write_bench

torch = pytest.importorskip("torch", reason="needs chexinstruct[bench-transformers]")
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("default")  # not ours to mend

from chexinstruct.bench.asking import Asker  # noqa: E402
from chexinstruct.bench.models import ModelUnusableError, Question  # noqa: E402
from chexinstruct.bench.models.local import Transformers  # noqa: E402
from chexinstruct.bench.opening import open_bench  # noqa: E402
from chexinstruct.bench.prompts import load_style  # noqa: E402
from chexinstruct.bench.running import RunOptions, run  # noqa: E402
from chexinstruct.bench.scoring import score  # noqa: E402

WORDS = (
    "<unk> <pad> <s> </s> <image> user : assistant yes no left right pleural effusion is ? finding"
)
CHAT = (
    "{% for m in messages %}{{ m['role'] }} : {% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image> {% else %}{{ c['text'] }} {% endif %}{% endfor %}"
    "{% endfor %}assistant :"
)
OWN_TOKENIZER = '''
from pathlib import Path
from transformers import PreTrainedTokenizerFast

class OwnTokenizer(PreTrainedTokenizerFast):
    """The interface of CheXagent-2's: a list of pictures and text, and from/value turns."""

    def from_list_format(self, parts):
        for part in parts:
            assert "text" in part or Path(part["image"]).read_bytes()[:4] == b"\\x89PNG"
        return " ".join("<image>" if "image" in part else part["text"] for part in parts)

    def apply_chat_template(self, turns, add_generation_prompt, return_tensors, return_dict):
        assert [turn["from"] for turn in turns] == ["system", "human"] and not return_dict
        text = " ".join(turn["value"] for turn in turns) + " assistant :"
        return self(text, return_tensors=return_tensors).input_ids
'''


def tokenizer() -> object:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    core = Tokenizer(WordLevel({w: n for n, w in enumerate(WORDS.split())}, unk_token="<unk>"))
    core.pre_tokenizer = WhitespaceSplit()
    marks = {"unk": "<unk>", "pad": "<pad>", "bos": "<s>", "eos": "</s>"}
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, **{f"{name}_token": mark for name, mark in marks.items()}
    )
    made.add_special_tokens({"additional_special_tokens": ["<image>"]})
    made.chat_template = CHAT
    return made


def language(size: int) -> object:
    return transformers.LlamaConfig(
        vocab_size=size,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        pad_token_id=1,
        bos_token_id=2,
        eos_token_id=3,
    )


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("llava")
    torch.manual_seed(0)
    words = tokenizer()
    vision = transformers.CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=16,
        patch_size=8,
    )
    config = transformers.LlavaConfig(
        vision_config=vision,
        text_config=language(len(words)),  # type: ignore[arg-type]
        image_token_index=4,
        vision_feature_select_strategy="default",
    )
    transformers.LlavaForConditionalGeneration(config).save_pretrained(path)
    size = {"height": 16, "width": 16}
    pictures = transformers.CLIPImageProcessor(size={"shortest_edge": 16}, crop_size=size)
    transformers.LlavaProcessor(
        pictures,
        words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT,
    ).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bench(tmp_path_factory.mktemp("bench"))


def questions(bench: Path) -> list[Question]:
    asker = Asker(open_bench(bench), load_style("question_only"), dialect="unit")
    return [asker.question(ask) for ask in asker.asks() if ask.item.form == "choice"]


def test_likelihoods_agree_with_the_loss_of_the_model(llava: Path, bench: Path) -> None:
    model = Transformers(str(llava), device="cpu")
    question = questions(bench)[30]
    found = model.likelihoods(question)
    direct = transformers.LlavaForConditionalGeneration.from_pretrained(llava).eval()
    processor = transformers.AutoProcessor.from_pretrained(llava)
    for option, ours in zip(question.options, found, strict=True):
        text = f"user : <image> {question.text} assistant : {option}"
        inputs = processor(text=text, images=[question.pictures[0].open()], return_tensors="pt")
        labels = inputs["input_ids"].clone()
        labels[:, : -ours.tokens] = -100
        with torch.inference_mode():
            loss = direct(**inputs, labels=labels).loss
        assert ours.tokens == len(option.split())
        assert ours.total == pytest.approx(-float(loss) * ours.tokens, rel=1e-4)


def test_the_picture_counts(llava: Path, bench: Path) -> None:
    model = Transformers(str(llava), device="cpu")
    dark, light = questions(bench)[1], questions(bench)[0]
    same_words = replace(dark, pictures=light.pictures)
    assert model.likelihoods(dark) != model.likelihoods(same_words)
    assert model.likelihoods(dark) == model.likelihoods(dark)
    assert model.likelihoods(replace(dark, pictures=()))[0].total < 0


def test_a_run_of_both_modes(llava: Path, bench: Path, tmp_path: Path) -> None:
    model = Transformers(str(llava), device="cpu", max_new_tokens=4)
    for mode, style in (("generate", "letters"), ("likelihood", "question_only")):
        options = RunOptions(mode=mode, style=style, limit=3, cache=tmp_path / "cache")  # type: ignore[arg-type]
        assert run(bench, model, tmp_path / mode, options).failed == 0
        assert score(tmp_path / mode, resamples=100).run.model["kind"] == "transformers"


def test_the_shape_of_chexagent2(bench: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    words = tokenizer()
    words.save_pretrained(tmp_path)  # type: ignore[attr-defined]
    (tmp_path / "own.py").write_text(OWN_TOKENIZER)
    config = tmp_path / "tokenizer_config.json"
    held = json.loads(config.read_text())
    held |= {
        "tokenizer_class": "OwnTokenizer",
        "auto_map": {"AutoTokenizer": [None, "own.OwnTokenizer"]},
    }
    config.write_text(json.dumps(held))
    transformers.LlamaForCausalLM(language(len(words))).save_pretrained(tmp_path)  # type: ignore[arg-type]
    model = Transformers(
        str(tmp_path), shape="chexagent2", device="cpu", max_new_tokens=5, remote_code=True
    )
    reply = model.answer(questions(bench)[0])
    assert reply.tokens_out is not None and 0 < reply.tokens_out <= 5
    assert "</s>" not in reply.text


def test_no_model_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusableError, match="cannot be loaded"):
        Transformers(str(tmp_path))
