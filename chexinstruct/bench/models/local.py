"""Models of the ``transformers`` library, on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from chexinstruct.bench.models.contract import (
    Likelihood,
    Model,
    ModelUnusableError,
    Question,
    Reply,
)
from chexinstruct.build.cache import digest
from chexinstruct.errors import CallError

Shape = Literal["chat", "chexagent2"]
"""How pictures and words reach the model: by its chat template, or as CheXagent-2's tokenizer wants
them (pictures by path, ``from``/``value`` turns)."""

_BESIDE = {"attention_mask": 1, "token_type_ids": 0, "mm_token_type_ids": 0}
"""What stands beside each token, and its value for a token of text."""

_DEFAULT_SYSTEM = "You are a helpful assistant."
"""CheXagent-2 was trained with a system turn, and styles may have none."""


class Transformers(Model):
    """An image-text model, greedy.

    Args:
        path: folder, or name on the Hub.
        shape: how questions are put.
        device: of torch; None: the first GPU, else the CPU.
        dtype: of torch, such as ``bfloat16``; None: as saved.
        max_new_tokens: of an answer.
        remote_code: run Python that comes with the model.

    Raises:
        CallError: torch or transformers is missing.
        ModelUnusableError: the model cannot be loaded.
    """

    repeatable = True

    def __init__(
        self,
        path: str,
        *,
        shape: Shape = "chat",
        device: str | None = None,
        dtype: str | None = None,
        max_new_tokens: int = 512,
        remote_code: bool = False,
    ) -> None:
        try:
            import torch
            import transformers
        except ImportError as error:
            raise CallError(
                f"no {error.name}: pip install 'chexinstruct[bench-transformers]'"
            ) from None
        self._torch, self._shape = torch, shape
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        chat = shape == "chat"
        kind = (
            transformers.AutoModelForImageTextToText if chat else transformers.AutoModelForCausalLM
        )
        reader = transformers.AutoProcessor if chat else transformers.AutoTokenizer
        try:
            self._reader = reader.from_pretrained(path, trust_remote_code=remote_code)
            self._model = kind.from_pretrained(
                path, dtype=dtype or "auto", trust_remote_code=remote_code
            )
        except (OSError, ValueError, ImportError) as error:
            told = str(error).strip().splitlines()[0]
            raise ModelUnusableError(f"{path} cannot be loaded: {told}") from None
        self._model.to(self._device).eval()
        self._tokens = max_new_tokens
        self.identity = {
            "kind": "transformers",
            "name": path,
            "revision": _revision(path, self._model),
            "shape": shape,
            "dtype": str(self._model.dtype),
            "device": self._device.partition(":")[0],
            "decoding": {"greedy": True, "max_new_tokens": max_new_tokens},
            "torch": str(torch.__version__),
            "transformers": transformers.__version__,
        }

    def answer(self, question: Question) -> Reply:
        """Generate greedily."""
        with self._inputs(question) as inputs, self._torch.inference_mode():
            start = inputs["input_ids"].shape[1]
            output = self._model.generate(
                **inputs, do_sample=False, num_beams=1, max_new_tokens=self._tokens
            )
        made = output[0, start:]
        text = self._tokenizer.decode(made, skip_special_tokens=self._shape == "chat")
        for mark in self._end_marks() if self._shape != "chat" else ():
            text = text.replace(mark, "")  # box marks are special tokens too, and stay
        return Reply(
            text=text.strip(),
            finish="length" if len(made) >= self._tokens else "stop",
            tokens_in=int(start),
            tokens_out=len(made),
        )

    def likelihoods(self, question: Question) -> Sequence[Likelihood]:
        """Log-softmax of each option's tokens after the prompt."""
        found = []
        with self._inputs(question) as prompt, self._torch.inference_mode():
            start = prompt["input_ids"].shape[1]
            for option in question.options:
                ids = self._tokenizer(option, add_special_tokens=False, return_tensors="pt")
                added = ids.input_ids.to(self._device)
                joined = {**prompt, "input_ids": self._joined(prompt["input_ids"], added)}
                for name, fill in _BESIDE.items():
                    if name in prompt:
                        more = self._torch.full_like(added, fill)
                        joined[name] = self._joined(prompt[name], more)
                logits = self._model(**joined).logits[0, start - 1 : -1].float()
                chosen = logits.log_softmax(-1).gather(1, added[0, :, None])
                found.append(Likelihood(total=float(chosen.sum()), tokens=added.shape[1]))
        return found

    def _joined(self, first: Any, second: Any) -> Any:
        return self._torch.cat([first, second.to(first.dtype)], 1)

    @property
    def _tokenizer(self) -> Any:
        return getattr(self._reader, "tokenizer", self._reader)

    def _end_marks(self) -> list[str]:
        known = self._tokenizer
        return [mark for mark in (known.eos_token, known.pad_token, "<|im_end|>") if mark]

    @contextmanager
    def _inputs(self, question: Question) -> Iterator[dict[str, Any]]:
        if self._shape == "chat":
            yield self._chat(question)
            return
        with tempfile.TemporaryDirectory(prefix="chexinstruct-") as folder:
            yield self._chexagent2(question, Path(folder))

    def _chat(self, question: Question) -> dict[str, Any]:
        said = [{"type": "text", "text": question.text}]
        turns = [
            {"role": "user", "content": [*({"type": "image"} for _ in question.pictures), *said]}
        ]
        if question.system:
            system = [{"type": "text", "text": question.system}]
            turns.insert(0, {"role": "system", "content": system})
        text = self._reader.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        pictures = [picture.open() for picture in question.pictures] or None
        inputs = self._reader(text=text, images=pictures, return_tensors="pt").to(self._device)
        kind = self._model.dtype
        return {
            name: value.to(kind) if value.is_floating_point() else value
            for name, value in inputs.items()
        }

    def _chexagent2(self, question: Question, folder: Path) -> dict[str, Any]:
        """Its tokens hold the paths of pictures, which the model opens itself while it runs."""
        parts = []
        for number, picture in enumerate(question.pictures):
            path = folder / f"{number}.{picture.media_type.partition('/')[2]}"
            path.write_bytes(picture.data)
            parts.append({"image": str(path)})
        query = self._reader.from_list_format([*parts, {"text": question.text}])
        turns = [
            {"from": "system", "value": question.system or _DEFAULT_SYSTEM},
            {"from": "human", "value": query},
        ]
        ids = self._reader.apply_chat_template(
            turns, add_generation_prompt=True, return_tensors="pt", return_dict=False
        ).to(self._device)
        return {"input_ids": ids, "attention_mask": self._torch.ones_like(ids)}


def _revision(path: str, model: Any) -> str:
    """Commit of the Hub, or a digest of the names, sizes and times of a folder's files."""
    if commit := getattr(model.config, "_commit_hash", None):
        return str(commit)
    files = sorted(file for file in Path(path).rglob("*") if file.is_file())
    return digest([(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files])
