"""Processes pinned to cores, and what /proc tells of them."""
import atexit, os, pathlib, re, signal, socket, subprocess, sys, time

PROXY_CORE, LOAD_CORE, ANY_CORE = "1", "0", None
TICK = os.sysconf("SC_CLK_TCK")
# nginx and HAProxy are there, and who is not root does not look there.
os.environ["PATH"] = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin"


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, folder=None, patience=10.0):
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.02)
    logs = "\n".join(log.read_text(errors="replace") for log in pathlib.Path(folder or "/nonexistent").glob("**/*log"))
    sys.exit(f"nothing listens on port {port}\n{logs}")


def pinned(core, argv):
    return ["taskset", "-c", core, *argv] if core else list(argv)


class Proc:
    """A process and its children, pinned to one core, or to none."""

    def __init__(self, argv, core, env=None, log=None, cwd=None):
        self.proc = subprocess.Popen(
            pinned(core, argv), stdout=log or subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd=cwd,
            env={**os.environ, **(env or {})}, start_new_session=True)
        # A peer that does not start ends the rig; what was started before it must not stay.
        atexit.register(self.stop)

    def pids(self):
        found, todo = [], [self.proc.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    todo += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
            except OSError:
                pass
        return found

    def cpu_seconds(self):
        total = 0
        for pid in self.pids():
            try:
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
            except OSError:
                pass
        return total / TICK

    def kib(self, field="VmRSS"):
        """`VmRSS` is all that is resident, `RssAnon` what is the process's own and no file's."""
        total = 0
        for pid in self.pids():
            try:
                text = pathlib.Path(f"/proc/{pid}/status").read_text()
                total += int(re.search(rf"{field}:\s+(\d+)", text)[1])
            except (OSError, TypeError):
                pass
        return total

    def listens(self, port):
        """Asked of the kernel, so that no connection is made."""
        try:
            table = pathlib.Path(f"/proc/{self.proc.pid}/net/tcp").read_text()
        except OSError:
            return False
        return bool(re.search(rf": [0-9A-F]{{8}}:{port:04X} \S+ 0A ", table))

    def stop(self):
        atexit.unregister(self.stop)
        for how in (signal.SIGTERM, signal.SIGKILL):
            if self.proc.poll() is not None:
                return
            try:
                os.killpg(self.proc.pid, how)
                self.proc.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
