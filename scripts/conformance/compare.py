"""Holds the Autobahn results through the gateway against those of the backend alone.

compare.py INDEX.json     ends with 1 where a case behaves otherwise
"""
import collections
import json
import sys

# Behaviours that the suite itself counts as good.
GOOD = {"OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED"}


def main(path):
    with open(path) as file:
        results = json.load(file)
    direct, through = results["direct"], results["authgate"]
    other = []
    for case in sorted(set(direct) | set(through), key=lambda name: [int(part) for part in name.split(".")]):
        seen = [(agent.get(case, {}).get("behavior"), agent.get(case, {}).get("behaviorClose")) for agent in (direct, through)]
        if seen[0] != seen[1]:
            other.append(f"{case}: directly {seen[0]}, through the gateway {seen[1]}")
    for name, agent in (("directly", direct), ("through the gateway", through)):
        counts = collections.Counter(case["behavior"] for case in agent.values())
        print(f"{name}: {len(agent)} cases, " + ", ".join(f"{word} {count}" for word, count in sorted(counts.items())))
    print("\n".join(other) if other else "every case is the same")
    failed = [case for case, result in through.items() if result["behavior"] not in GOOD]
    return 1 if other or failed else 0


sys.exit(main(sys.argv[1]))
