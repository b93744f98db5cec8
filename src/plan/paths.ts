// Words about paths, by text alone. Nothing here resolves a path: init does that at run time, under the root fd.

/** The path without empty and `.` parts, `..` taken off as text. For comparing what a config says, never for opening. */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** A container path; a relative one counts from `/` (spec 6.02). */
export function containerPath(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

/** A host path; a relative one counts from the bundle (spec 6.03). */
export function hostPath(path: string, bundle: string): string {
  if (path.startsWith("/")) return path;
  return bundle.endsWith("/") ? bundle + path : `${bundle}/${path}`;
}

/** True for the directory itself (cleaned) and for everything below it. */
export function isWithin(path: string, directory: string): boolean {
  const clean = cleanPath(path);
  return clean === directory || clean.startsWith(`${directory}/`);
}

/** One name as a part of a JSON pointer. */
export function pointerPart(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
