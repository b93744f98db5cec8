// Commands of a user without privileges.

/** nobody's, on every Debian. */
export const NOBODY = 65534;

/** In front of a command: the user's and their own group's, in the caller's environment or in this one alone. */
export function asUser(uid: number, env?: Readonly<Record<string, string>>): string[] {
  const variables = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`);
  return ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", ...(env === undefined ? [] : ["env", "-i", ...variables])];
}
