"""Counts what testssl.sh found, and ends with 1 where it is worse than LOW.

testssl.py REPORT.json
"""
import collections
import json
import sys

# What says only that the certificate was made a moment ago and by nobody: not the gateway's.
OF_THE_CERTIFICATE = ("cert_chain_of_trust", "cert_trust", "cert_revocation", "OCSP_stapling", "cert_expirationStatus", "cert_notAfter", "cert_crlDistributionPoints",
                      "cert_ocspURL", "cert_extKeyUsage", "cert_keyUsage", "DNS_CAArecord", "certificate_transparency", "cert_caIssuers", "cert_subjectAltName")
BAD = ("MEDIUM", "HIGH", "CRITICAL", "FATAL")


def main(path):
    with open(path) as file:
        found = json.load(file)
    about_us = [one for one in found if one.get("id", "").split(" ")[0] not in OF_THE_CERTIFICATE]
    counts = collections.Counter(one["severity"] for one in about_us)
    bad = [one for one in about_us if one["severity"] in BAD]
    print(f"{len(about_us)} findings: " + ", ".join(f"{word} {count}" for word, count in sorted(counts.items())))
    for one in bad + [one for one in about_us if one["severity"] in ("LOW", "WARN")]:
        print(f"{one['severity']} {one['id']}: {one['finding']}")
    return 1 if bad else 0


sys.exit(main(sys.argv[1]))
