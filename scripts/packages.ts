// Debian packages that only some of the scripts need: installed when they are first used. What every checkout needs is in setup.sh.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

/** `packages`: a file of each that shows that it is there. False when they are not there and cannot be installed. */
export function installPackages(packages: Readonly<Record<string, string>>): boolean {
  const missing = Object.entries(packages).flatMap(([name, file]) => (existsSync(file) ? [] : [name]));
  if (missing.length === 0) return true;
  if (process.getuid?.() !== 0) return false;
  console.log(`== installing ${missing.join(" ")}`);
  const script = `apt-get update -qq && apt-get install -y -qq --no-install-recommends ${missing.join(" ")} >/dev/null`;
  try {
    execFileSync("sh", ["-c", script], { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, stdio: "inherit" });
    return true;
  } catch {
    return false;
  }
}
