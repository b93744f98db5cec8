# A person at a terminal: runs a command on a pty, types lines, changes the size. Arguments: ROWSxCOLUMNS, then the command.
# On standard input: lines to type; "@resize ROWSxCOLUMNS" changes the size; "@wait TEXT" waits until it was printed.
import fcntl, os, pty, select, signal, struct, sys, termios, time

def size(text):
    rows, columns = text.split("x")
    return struct.pack("HHHH", int(rows), int(columns), 0, 0)

pid, master = pty.fork()
if pid == 0:
    time.sleep(0.1)
    os.execvp(sys.argv[2], sys.argv[2:])
fcntl.ioctl(master, termios.TIOCSWINSZ, size(sys.argv[1]))
seen = b""
end = time.time() + 30

def read(timeout):
    global seen
    if not select.select([master], [], [], timeout)[0]:
        return True
    try:
        part = os.read(master, 4096)
    except OSError:
        return False
    seen += part
    return bool(part)

for line in sys.stdin:
    line = line.rstrip("\n")
    if line.startswith("@resize "):
        fcntl.ioctl(master, termios.TIOCSWINSZ, size(line[8:]))
        os.kill(pid, signal.SIGWINCH)
        time.sleep(0.3)
    elif line.startswith("@wait "):
        while line[6:].encode() not in seen and time.time() < end and read(0.1):
            pass
    else:
        os.write(master, line.encode() + b"\n")
while time.time() < end and read(0.5):
    pass
if time.time() >= end:
    os.kill(pid, signal.SIGKILL)
sys.stdout.write(seen.decode(errors="replace").replace("\r", ""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
