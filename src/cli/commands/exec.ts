// tsrun exec: run one more program in a container.
import { execInContainer } from "../../lifecycle/exec.ts";
import { type Command, idOf } from "../command.ts";
import { isSet, listValue, numberValue } from "../flags.ts";

export const exec: Command = {
  name: "exec",
  summary: "execute a program in a running container",
  args: "<container-id> <program> [args...]",
  count: [1, 1],
  hasCommandLine: true,
  failureCode: 255,
  flags: [
    { name: "process", short: "p", value: "FILE", doc: "a JSON document with the whole process; other flags of the process do not count then" },
    { name: "tty", short: "t", doc: "give the program a terminal" },
    { name: "console-socket", value: "SOCKET", doc: "send the terminal's master to this unix socket" },
    { name: "pidfd-socket", value: "SOCKET", doc: "send a pidfd of the program to this unix socket" },
    { name: "cwd", value: "DIR", doc: "working directory in the container" },
    { name: "env", short: "e", value: "NAME=VALUE", many: true, doc: "add to the environment, or change it there" },
    { name: "user", short: "u", value: "UID[:GID]", doc: "run as this user, in numbers" },
    { name: "additional-gids", short: "g", value: "GID", many: true, doc: "one more group" },
    { name: "detach", short: "d", doc: "return as soon as the program was started" },
    { name: "pid-file", value: "FILE", doc: "write the program's pid to this file" },
    { name: "process-label", value: "LABEL", doc: "SELinux label of the program" },
    { name: "apparmor", value: "PROFILE", doc: "AppArmor profile of the program" },
    { name: "no-new-privs", doc: "the program cannot gain privileges" },
    { name: "cap", short: "c", value: "CAPABILITY", many: true, doc: "add to the bounding, effective and permitted set" },
    { name: "preserve-fds", value: "N", doc: "pass N more file descriptors, from 3 on (default 0)" },
    { name: "cgroup", value: "[CONTROLLER:]PATH", many: true, doc: "run in this cgroup below the container's" },
    { name: "ignore-paused", doc: "do it in a paused container too; the program waits for resume" },
  ],
  run(parsed, globals, rest) {
    const { values } = parsed;
    return execInContainer({
      root: globals.root,
      id: idOf(parsed),
      process: {
        file: values.get("process"),
        args: rest,
        terminal: isSet(parsed, "tty"),
        cwd: values.get("cwd"),
        env: listValue(parsed, "env"),
        user: values.get("user"),
        additionalGids: listValue(parsed, "additional-gids"),
        capabilities: listValue(parsed, "cap"),
        noNewPrivileges: values.has("no-new-privs") ? isSet(parsed, "no-new-privs") : undefined,
        apparmorProfile: values.get("apparmor"),
        selinuxLabel: values.get("process-label"),
      },
      detach: isSet(parsed, "detach"),
      consoleSocket: values.get("console-socket"),
      pidfdSocket: values.get("pidfd-socket"),
      pidFile: values.get("pid-file"),
      preserveFds: numberValue(parsed, "preserve-fds", 0),
      cgroups: listValue(parsed, "cgroup"),
      ignorePaused: isSet(parsed, "ignore-paused"),
    });
  },
};
