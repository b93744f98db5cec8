// config.User of an image -> numbers, by the image's own /etc/passwd and /etc/group (image-spec, conversion.md, "Config.User"). Pure.
import { ImageError } from "../errors.ts";

/** Contents of the image's files; undefined where it has none. */
export interface UserFiles {
  readonly passwd: Uint8Array | undefined;
  readonly group: Uint8Array | undefined;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
  /** Undefined where the specification leaves them alone: for a numeric user, and when a group is named. */
  readonly additionalGids?: readonly number[];
  readonly home?: string;
}

interface PasswdLine {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupLine {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** 4294967295 means no user at all to the kernel. */
const MOST = 0xffff_fffe;

/** "user", "uid", "user:group", "uid:gid", "uid:group", "user:gid", or nothing, which is root. */
export function findUser(text: string, files: UserFiles): User {
  const [user = "", group = "", ...rest] = text.split(":");
  if (rest.length > 0) throw wrong(text, "it has more than one colon");
  const uid = idOf(user === "" ? "0" : user, text);
  const line = passwdLines(files.passwd).find((one) => (uid === undefined ? one.name === user : one.uid === uid));
  if (uid === undefined && line === undefined) throw wrong(text, `the image's /etc/passwd has no user "${user}"`);
  const home = line === undefined || line.home === "" ? {} : { home: line.home };
  const found = { uid: uid ?? line?.uid ?? 0, ...home };
  if (group !== "") return { ...found, gid: idOf(group, text) ?? gidOf(group, text, files) };
  const gid = line?.gid ?? 0;
  if (uid !== undefined || line === undefined) return { ...found, gid };
  const groups = groupLines(files.group).filter(({ members }) => members.includes(line.name));
  return { ...found, gid, additionalGids: [...new Set(groups.map((one) => one.gid))] };
}

function gidOf(name: string, text: string, files: UserFiles): number {
  const line = groupLines(files.group).find((one) => one.name === name);
  if (line === undefined) throw wrong(text, `the image's /etc/group has no group "${name}"`);
  return line.gid;
}

/** A number counts as itself, whatever names the image has (CVE-2016-3697). */
function idOf(word: string, text: string): number | undefined {
  if (!/^\d+$/.test(word)) return undefined;
  const id = Number(word);
  if (id > MOST) throw wrong(text, `${word} is out of range`);
  return id;
}

function wrong(text: string, why: string): ImageError {
  return new ImageError("TS7002", `config.User "${text}": ${why}`);
}

/** Lines that are not as they should be are passed over, as the C library does. */
function fieldsOf(file: Uint8Array | undefined, count: number): string[][] {
  const lines = file === undefined ? [] : Buffer.from(file).toString("utf8").split("\n");
  return lines.map((line) => line.split(":")).filter((fields) => fields.length >= count && fields[0] !== "" && !fields[0]?.startsWith("#"));
}

function lineId(field: string | undefined): number | undefined {
  return field !== undefined && /^\d+$/.test(field) && Number(field) <= MOST ? Number(field) : undefined;
}

function passwdLines(file: Uint8Array | undefined): PasswdLine[] {
  return fieldsOf(file, 4).flatMap(([name = "", , uidField, gidField, , home = ""]) => {
    const uid = lineId(uidField);
    const gid = lineId(gidField);
    return uid === undefined || gid === undefined ? [] : [{ name, uid, gid, home }];
  });
}

function groupLines(file: Uint8Array | undefined): GroupLine[] {
  return fieldsOf(file, 3).flatMap(([name = "", , gidField, members = ""]) => {
    const gid = lineId(gidField);
    return gid === undefined ? [] : [{ name, gid, members: members.trim().split(",") }];
  });
}
