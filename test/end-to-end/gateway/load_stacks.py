"""Loads what make_stacks_repos.py wrote, from the Hub at HF_ENDPOINT, and prints what came as JSON."""

import hashlib
import json

from datasets import load_dataset
from huggingface_hub import hf_hub_download
from safetensors import safe_open
from transformers import AutoConfig, AutoTokenizer

config = AutoConfig.from_pretrained("o/model")
tokenizer = AutoTokenizer.from_pretrained("o/model")
with safe_open(hf_hub_download("o/model", "model.safetensors"), "np") as weights:
    sha256 = hashlib.sha256(weights.get_tensor("weight").tobytes()).hexdigest()
rows = load_dataset("o/rows")
streamed = load_dataset("o/rows", split="test", streaming=True)
print(
    json.dumps(
        {
            "hidden": config.hidden_size,
            "ids": tokenizer("a peer serves each byte once")["input_ids"],
            "tokens": tokenizer.tokenize("a peer serves each byte once"),
            "sha256": sha256,
            "rows": {split: [len(part), part[7]] for split, part in rows.items()},
            "streamed": next(iter(streamed)),
        }
    )
)
