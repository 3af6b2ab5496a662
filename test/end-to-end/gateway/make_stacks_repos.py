"""Writes a tiny model repo and a parquet dataset below a folder: python make_stacks_repos.py FOLDER."""

import sys
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import BertConfig, PreTrainedTokenizerFast

root = Path(sys.argv[1])
model, data = root / "model", root / "data"
(data / "data").mkdir(parents=True)

tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=special)
tokenizer.train_from_iterator(["each byte crosses the uplink once", "a peer serves what it has"] * 20, trainer)
PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(model)
BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, vocab_size=300).save_pretrained(model)
save_file({"weight": numpy.arange(50_000, dtype=numpy.float32)}, model / "model.safetensors")

for split, start in (("train", 0), ("test", 1000)):
    numbers = list(range(start, start + 500))
    table = pyarrow.table({"number": numbers, "text": [f"row {number}" for number in numbers]})
    pyarrow.parquet.write_table(table, data / "data" / f"{split}-00000-of-00001.parquet")
(data / "README.md").write_text("# Rows\n\nA dataset of two splits.\n")
