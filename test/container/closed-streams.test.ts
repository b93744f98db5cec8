// Standard streams that the caller has closed: their numbers must not become those of other files, of the runtime's or the container's.
import { expect } from "bun:test";
import { bundle, probe } from "../helpers/bundle.ts";
import { ok } from "../helpers/container.ts";
import { exec, type Result } from "../helpers/exec.ts";
import { Facts } from "../helpers/facts.ts";
import { COMMAND } from "../helpers/runtime.ts";
import { needs, oracle, ROOT, spec } from "../helpers/spec.ts";

/** The runtime without the streams that the redirections close. */
const without = (closed: string, ...args: string[]): Promise<Result> => exec(["sh", "-c", `exec "$@" ${closed}`, "-", ...COMMAND, "--root", ROOT, ...args]);

spec(
  "7.16 a closed stream is the null device for the program",
  needs("lowFds"),
  oracle({ runc: "a pipe in its place", crun: "leaves it closed" }),
  async () => {
    for (const [closed, missing] of [
      ["<&-", "0"],
      ["2>&-", "2"],
      ["<&- 2>&-", "02"],
    ] as const) {
      const b = bundle(probe("fds"));
      const descriptors = new Facts(ok(await without(closed, "run", "--bundle", b.directory, b.name)).stdout).all("fd");
      expect(descriptors.map((line) => line.split(" ")[0])).toEqual(["0", "1", "2"]);
      for (const number of missing) expect(descriptors[Number(number)]).toContain("/dev/null");
    }
  },
);

spec("4.08 hooks in the container run without the caller's streams", needs("lowFds"), oracle({ crun: "fails without" }), async () => {
  const b = bundle({ hooks: { createContainer: [{ path: "/bin/true" }], createRuntime: [{ path: "/bin/true" }] } });
  ok(await without("<&- >&- 2>&-", "run", "--bundle", b.directory, b.name));
});
