"""Characters that cannot be seen, by the Unicode database, and not by the code under test."""

from __future__ import annotations

import unicodedata

# Default_Ignorable_Code_Point: https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
_IGNORABLE = (
    "00AD 034F 061C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0 FFF0-FFF8"
    " 1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"
)
_VISIBLE_FORMATS = "0600-0605 06DD 070F 0890-0891 08E2 110BD 110CD 13430-13455"
"""Format characters that have a shape: signs of Arabic numbers, and controls of Egyptian hieroglyphs."""


def _ranges(text: str) -> set[str]:
    ends = (part.partition("-") for part in text.split())
    return {chr(code) for first, _, last in ends for code in range(int(first, 16), int(last or first, 16) + 1)}


IGNORABLE = _ranges(_IGNORABLE)
UNSEEN = frozenset(
    {
        character
        for character in map(chr, range(0x110000))
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    }
    - set("\t\n")
    - _ranges(_VISIBLE_FORMATS)
    | IGNORABLE
)
"""Every character that a mark stands for if it stands alone."""
