"""Runs a command at a terminal of its own, and types into it.

    at_a_terminal.py '[["Password: ", "typed\\n"], ...]' COMMAND ARGUMENT...

Each text is typed when what stands before it has been seen. Prints all that the terminal showed, how the command ended, and the
terminal's settings afterwards.
"""
import json
import os
import pty
import sys

AFTERWARDS = '"$@"; echo "ended with $?"; stty -a'

steps, command = json.loads(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execv("/bin/sh", ["sh", "-c", AFTERWARDS, "sh", *command])
seen, looked = b"", 0
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:  # Linux says so when the other end is closed.
        break
    if not part:
        break
    seen += part
    while steps and (at := seen.find(steps[0][0].encode(), looked)) >= 0:
        expected, typed = steps.pop(0)
        looked = at + len(expected)
        os.write(terminal, typed.encode())
os.waitpid(child, 0)
sys.stdout.buffer.write(seen)
sys.exit(1 if steps else 0)
