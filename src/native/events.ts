// Records of tsrun-init -> events. Also for start, which did not make the init that it talks to.
// The protocol is drawn in docs/architecture.md ("The sync protocol"); the other side is native/init/report.c.
import { check, SystemError } from "../errors.ts";
import { sys } from "../sys.ts";

export type InitEvent =
  /** Of an op that needs the parent, by index into plan.ops; its file, or -1. */
  | { readonly kind: "ask"; readonly point: number; readonly op: number; readonly fd: number }
  | { readonly kind: "forked"; readonly pid: number }
  | { readonly kind: "terminal"; readonly fd: number }
  /** Where the kernel's seccomp notifications come. */
  | { readonly kind: "listener"; readonly fd: number }
  | { readonly kind: "created" }
  /** End of file: the program was executed, or init is gone. */
  | { readonly kind: "end" }
  | InitFailure;

export interface InitFailure {
  readonly kind: "fail";
  /** Index into plan.ops. */
  readonly op: number;
  /** Index into SYSCALLS. */
  readonly syscall: number;
  readonly errno: number;
  /** Wait status of a failed hook. */
  readonly value: number;
}

const KIND_FAIL = 1;
const KIND_ASK = 2;
const KIND_FORKED = 3;
const KIND_CREATED = 4;
const KIND_TERMINAL = 5;
const KIND_LISTENER = 6;
const EPROTO = 71;

/** The next record on a protocol socket; init going away ends every wait. */
export function nextEvent(socket: number): InitEvent {
  const received = sys.recv_record(socket, -1);
  if (received === 0) return { kind: "end" };
  check(received, "read from the container's init", "sync socket", "recvmsg");
  const value = sys.out(4);
  switch (sys.out(0)) {
    case KIND_FAIL:
      return { kind: "fail", op: sys.out(1), syscall: sys.out(2), errno: sys.out(3), value };
    case KIND_ASK:
      return { kind: "ask", point: value, op: sys.out(1), fd: sys.out(5) };
    case KIND_FORKED:
      return { kind: "forked", pid: value };
    case KIND_CREATED:
      return { kind: "created" };
    case KIND_TERMINAL:
      return { kind: "terminal", fd: sys.out(5) };
    case KIND_LISTENER:
      return { kind: "listener", fd: sys.out(5) };
    default:
      throw new SystemError("understand the container's init", "sync socket", "recvmsg", EPROTO);
  }
}
