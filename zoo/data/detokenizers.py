"""Undo the tokenization of published text sets: "the cat 's , it" -> "the cat's, it".

Sec. 3.1 of GPT-2's paper scores texts after "invertible de-tokenizers", which are not published.
These take back the spaces that a tokenizer put before marks, after brackets and into contractions,
and the marks @-@, @,@ and @.@ of WikiText. Words, <unk> and N stay.
"""

import re
from collections.abc import Callable

Detokenizer = Callable[[str], str]
Rule = tuple[str, str]  # regular expression and replacement

CONTRACTIONS: tuple[Rule, ...] = (
    (r" (n't|'(?:s|S|t|m|d|re|ve|ll))\b", r"\1"),
    (r"s ' ", "s' "),
)
AMOUNTS: tuple[Rule, ...] = ((r"([$£€#]) (?=[\dN])", r"\1"), (r"(?<=[\dN]) %", "%"))
BRACKETS: tuple[Rule, ...] = ((r"([(\[{]) ", r"\1"), (r" ([)\]}])", r"\1"))
MARKS: tuple[Rule, ...] = ((r" ([,.;:!?])(?=\s|$|[)\]}\"'])", r"\1"),)
QUOTES: tuple[Rule, ...] = ((r'(^|\s)" ([^"\n]*?) "(?=\s|$|[,.;:!?])', r'\1"\2"'),)
JOINED: tuple[Rule, ...] = ((r" @([-,.])@ ", r"\1"),)
TREEBANK: tuple[Rule, ...] = (
    (r"`` ", '"'),
    (r" ''", '"'),
    (r"-LRB- ?", "("),
    (r" ?-RRB-", ")"),
)


def _apply(*groups: tuple[Rule, ...]) -> Detokenizer:
    rules = [(re.compile(pattern, re.MULTILINE), new) for group in groups for pattern, new in group]

    def detokenize(text: str) -> str:
        for pattern, new in rules:
            text = pattern.sub(new, text)
        return text

    return detokenize


wikitext = _apply(JOINED, QUOTES, BRACKETS, MARKS, CONTRACTIONS, AMOUNTS)
penn_treebank = _apply(CONTRACTIONS, AMOUNTS)
one_billion_words = _apply(QUOTES, BRACKETS, MARKS, CONTRACTIONS, AMOUNTS)
children_books = _apply(TREEBANK, BRACKETS, MARKS, CONTRACTIONS)
DETOKENIZERS: dict[str, Detokenizer] = {  # by data set; others are texts as they were written
    "wikitext2": wikitext,
    "wikitext103": wikitext,
    "ptb": penn_treebank,
    "1bw": one_billion_words,
}
