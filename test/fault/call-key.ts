// A system call of the runtime as a text that is the same each time: without pids, descriptors and the like.

export function callKey(name: string, first: string | number | undefined): string {
  if (typeof first !== "string") return name;
  return `${name} ${first.replace(/\/proc\/\d+/, "/proc/PID").slice(0, 200)}`;
}
