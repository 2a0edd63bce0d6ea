"""Text models of the tests: two layers, made on the spot, saved as Hugging Face folders have them. They need PyTorch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.detect.encoders import SPECIAL, tokenizer
from tests.learn.worlds import ASKS, GOODS, PLACES, TALK

CHARACTERS = "".join(
    sorted(
        {
            *"".join([*ASKS, *PLACES, *TALK, *GOODS["drug_ad"], *GOODS["criminal_recruitment"]]),
            *" あいうえおかきくけこ壺買",
        }
    )
)


def small(**more: Any) -> Any:
    """A configuration of two layers."""
    import transformers

    return transformers.BertConfig(
        hidden_dropout_prob=0.0,  # so small a net needs every number
        attention_probs_dropout_prob=0.0,
        **{"vocab_size": tokenizer(CHARACTERS).get_vocab_size(), **more},
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=0,
        initializer_range=0.3,  # and must tell characters apart before it has learned to
    )


def save(net: Any, folder: Path) -> Path:
    """A folder with the net and its tokenizer."""
    import transformers

    net.save_pretrained(folder)
    tokens = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer(CHARACTERS), model_max_length=64, **tokens)
    made.save_pretrained(folder)
    return folder


def base(folder: Path, seed: int = 1) -> Path:
    """A model that has learned nothing and has no head."""
    import torch
    import transformers

    torch.manual_seed(seed)
    return save(transformers.BertModel(small()), folder)


def classifier(folder: Path, seed: int = 1, **config: Any) -> Path:
    """A model with a head, whose weights are chance."""
    import torch
    import transformers

    torch.manual_seed(seed)
    return save(transformers.BertForSequenceClassification(small(**config)), folder)


def japanese(folder: Path) -> Path:
    """A base whose tokenizer is Python's own, as Japanese ones are: without a tokenizer.json and without offsets."""
    import transformers

    transformers.BertModel(small()).save_pretrained(folder)
    listed = dict.fromkeys([*SPECIAL, "[MASK]", *CHARACTERS.replace(" ", "")])
    (folder / "vocab.txt").write_text("\n".join(listed), "utf-8")
    told = {"tokenizer_class": "BertJapaneseTokenizer", "word_tokenizer_type": "basic", "model_max_length": 64}
    told |= {"subword_tokenizer_type": "character", "do_lower_case": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    return folder


def writing(folder: Path) -> Path:
    """A base that writes text: it has no token to fill up with, and calls its places otherwise."""
    import transformers

    tokens = tokenizer(CHARACTERS)
    config = transformers.GPT2Config(
        vocab_size=tokens.get_vocab_size(),
        n_positions=64,
        n_embd=32,
        n_layer=2,
        n_head=2,
        bos_token_id=2,
        eos_token_id=3,
    )
    transformers.GPT2Model(config).save_pretrained(folder)
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=tokens, eos_token="[SEP]", unk_token="[UNK]")
    made.save_pretrained(folder)
    return folder
