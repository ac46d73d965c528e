"""CheXbench: items built from raw releases, models asked, answers scored."""
