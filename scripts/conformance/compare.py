"""Holds the Autobahn results through the gateway against those without it.

compare.py INDEX.json ROW     ends with 1 where a case behaves otherwise; ROW gets how many were played, how many are the same, and what they are
"""
import collections
import json
import sys

# Behaviours that the suite itself counts as good.
GOOD = {"OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED"}
# Each way through the gateway, and the same way without it.
PAIRS = (("authgate", "direct"), ("authgate over HTTP/2", "nghttpx"))


def main(path, row):
    with open(path) as file:
        results = json.load(file)
    wrong, cases, said = 0, 0, []
    for name, agent in results.items():
        counts = collections.Counter(case["behavior"] for case in agent.values())
        print(f"{name}: {len(agent)} cases, " + ", ".join(f"{word} {count}" for word, count in sorted(counts.items())))
    for with_us, without in PAIRS:
        if with_us in results:
            wrong += differences(with_us, results[with_us], without, results[without])
            cases += len(results[with_us])
            said.append(f"{len(results[with_us])} {with_us}, as {without}")
    with open(row, "w") as file:
        print(cases, cases - wrong, "; ".join(said), sep="\t", file=file)
    return 1 if wrong else 0


def differences(with_us, through, without, direct):
    other = {}
    for case in sorted(set(direct) | set(through), key=lambda name: [int(part) for part in name.split(".")]):
        seen = [(agent.get(case, {}).get("behavior"), agent.get(case, {}).get("behaviorClose")) for agent in (direct, through)]
        if seen[0] != seen[1]:
            other[case] = f"{case}: {without} {seen[0]}, {with_us} {seen[1]}"
    failed = [case for case, result in through.items() if result["behavior"] not in GOOD]
    print("\n".join([*other.values()] + [f"{case}: {with_us} fails" for case in failed]) or f"{with_us}: every case as {without}")
    return len({*other, *failed})


sys.exit(main(*sys.argv[1:]))
