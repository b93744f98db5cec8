// process.terminal, consoleSize, --console-socket.
import { expect } from "bun:test";
import { bundle, probe } from "../helpers/bundle.ts";
import { Container, fails, ok, refused } from "../helpers/container.ts";
import { exec } from "../helpers/exec.ts";
import { Facts } from "../helpers/facts.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { ROOT, spec } from "../helpers/spec.ts";
import { onTerminal } from "../helpers/terminal.ts";

spec("7.01 the three streams are the terminal, which is the controlling one", async () => {
  const { output } = await onTerminal(["tty", "fds", "ids"]);
  for (const fd of [0, 1, 2]) expect(output.get(`tty.${fd}`)).toMatch(/^\/dev\/(pts\/0|console)$/);
  expect(output.get("tty.controlling")).toBe("ok");
  expect(output.get("tty.foreground")).toBe("1");
  expect(output.get("sid")).toBe(output.get("pid"));
});

spec("7.01 the console socket is sent the master", async () => {
  const { received } = await onTerminal(["echo:x"]);
  expect(received.get("tty")).toBe("1");
  expect(received.has("name")).toBe(true);
});

spec("5.07 /dev/console is the terminal", async () => {
  const { output } = await onTerminal(["stat:/dev/console", "mounts", "open:rw,/dev/console"]);
  expect(output.get("stat:/dev/console")).toMatch(/^char 0[0-7]{3} 0:5? ?\S* ?136:0|^char .* 136:0 /);
  expect(output.mount("/dev/console").type).toBe("devpts");
  expect(output.get("open:rw,/dev/console")).toBe("ok");
});

spec("5.07 without a terminal there is no /dev/console of ours", async () => {
  const f = new Facts(ok(await new Container(bundle(probe("mounts"))).run()).stdout);
  expect(f.mounts("/dev/console")).toEqual([]);
});

spec("7.02 consoleSize is applied", async () => {
  const { output } = await onTerminal(["tty"], { process: { consoleSize: { width: 123, height: 45 } } });
  expect(output.get("tty.size")).toBe("123x45");
});

spec("7.02 consoleSize is ignored without a terminal", async () => {
  ok(await new Container(bundle({ process: { consoleSize: { width: 123, height: 45 } } })).run());
});

spec("7.01 input reaches the program", async () => {
  const { text } = await onTerminal([], { process: { args: ["/bin/sh", "-c", "read line; echo got $line"] } }, "hello\n");
  expect(text).toContain("got hello");
});

spec("7.01 the terminal belongs to the user", async () => {
  const { output } = await onTerminal(["stat:/dev/pts/0", "tty", "open:rw,/dev/tty"], {
    process: { user: { uid: 1000, gid: 1000 }, capabilities: { bounding: [], effective: [], permitted: [] } },
  });
  expect(output.get("stat:/dev/pts/0")).toMatch(/ 1000:/);
  expect(output.get("open:rw,/dev/tty")).toBe("ok");
});

spec("create with a terminal needs a console socket", async () => {
  await refused(bundle({ process: { terminal: true } }), /console|terminal|socket/i);
});

spec("a console socket without a terminal is an error", async () => {
  const b = bundle();
  await refused(b, /console|terminal|tty/i, { flags: ["--console-socket", `${b.directory}/console.sock`] });
});

spec("a console socket that nobody listens on fails the create", async () => {
  const b = bundle({ process: { terminal: true } });
  await refused(b, undefined, { flags: ["--console-socket", `${b.directory}/nobody.sock`] });
});

spec("run --detach with a terminal needs a console socket", async () => {
  fails(await new Container(bundle({ process: { terminal: true } })).run({ flags: ["--detach"] }), /console|terminal|socket/i);
});

spec("run in the foreground relays a terminal of its own", async () => {
  const container = new Container(bundle(probe("tty"), { process: { terminal: true } }));
  const command = [...COMMAND, "--root", ROOT, "run", "--bundle", container.bundle.directory, container.id].join(" ");
  const result = ok(await exec(["script", "-qefc", command, "/dev/null"]));
  expect(new Facts(result.stdout.replace(/\^@|\r/g, "")).get("tty.0")).toMatch(/^\/dev\/(pts\/0|console)$/);
});
