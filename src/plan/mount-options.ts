// The options of one mount, read: words of mount(8) -> superblock flags, mount attributes, propagation and filesystem data.
// Later words override earlier ones; spec rules 6.03 to 6.10.
import { ATTR, MS, MS_SUPERBLOCK, PROPAGATION } from "./kernel-flags.ts";

export interface MountOptions {
  readonly bind: boolean;
  /** rbind: the whole tree below the source. */
  readonly recursive: boolean;
  readonly remount: boolean;
  readonly readonly: boolean;
  /** MS_* flags of the superblock, and those whose last word switched them off. */
  readonly flags: number;
  readonly flagsClear: number;
  readonly attrSet: number;
  readonly attrClear: number;
  readonly recAttrSet: number;
  readonly recAttrClear: number;
  /** MS_* numbers as the op's list takes them, in order. */
  readonly propagation: readonly string[];
  readonly copyUp: boolean;
  /** The word idmap (the top mount) or ridmap (the whole tree). */
  readonly idmap: "" | "idmap" | "ridmap";
  /** Every other word, for the filesystem. */
  readonly data: readonly string[];
}

/** Words that switch one MS_* flag on or off. */
const FLAG_WORDS: Readonly<Record<string, readonly ["set" | "clear", number]>> = {
  async: ["clear", MS.SYNCHRONOUS],
  atime: ["clear", MS.NOATIME],
  bind: ["set", MS.BIND],
  dev: ["clear", MS.NODEV],
  diratime: ["clear", MS.NODIRATIME],
  dirsync: ["set", MS.DIRSYNC],
  exec: ["clear", MS.NOEXEC],
  iversion: ["set", MS.I_VERSION],
  lazytime: ["set", MS.LAZYTIME],
  loud: ["clear", MS.SILENT],
  mand: ["set", MS.MANDLOCK],
  noatime: ["set", MS.NOATIME],
  nodev: ["set", MS.NODEV],
  nodiratime: ["set", MS.NODIRATIME],
  noexec: ["set", MS.NOEXEC],
  noiversion: ["clear", MS.I_VERSION],
  nolazytime: ["clear", MS.LAZYTIME],
  nomand: ["clear", MS.MANDLOCK],
  norelatime: ["clear", MS.RELATIME],
  nostrictatime: ["clear", MS.STRICTATIME],
  nosuid: ["set", MS.NOSUID],
  nosymfollow: ["set", MS.NOSYMFOLLOW],
  rbind: ["set", MS.BIND | MS.REC],
  relatime: ["set", MS.RELATIME],
  remount: ["set", MS.REMOUNT],
  ro: ["set", MS.RDONLY],
  rw: ["clear", MS.RDONLY],
  silent: ["set", MS.SILENT],
  strictatime: ["set", MS.STRICTATIME],
  suid: ["clear", MS.NOSUID],
  symfollow: ["clear", MS.NOSYMFOLLOW],
  sync: ["set", MS.SYNCHRONOUS],
};

/** The same words with an r in front, for a whole tree of mounts (mount_setattr with AT_RECURSIVE). */
const RECURSIVE_WORDS: Readonly<Record<string, readonly ["set" | "clear", number]>> = {
  ratime: ["clear", MS.NOATIME],
  rdev: ["clear", MS.NODEV],
  rdiratime: ["clear", MS.NODIRATIME],
  rexec: ["clear", MS.NOEXEC],
  rnoatime: ["set", MS.NOATIME],
  rnodev: ["set", MS.NODEV],
  rnodiratime: ["set", MS.NODIRATIME],
  rnoexec: ["set", MS.NOEXEC],
  rnorelatime: ["clear", MS.RELATIME],
  rnostrictatime: ["clear", MS.STRICTATIME],
  rnosuid: ["set", MS.NOSUID],
  rnosymfollow: ["set", MS.NOSYMFOLLOW],
  rrelatime: ["set", MS.RELATIME],
  rro: ["set", MS.RDONLY],
  rrw: ["clear", MS.RDONLY],
  rstrictatime: ["set", MS.STRICTATIME],
  rsuid: ["clear", MS.NOSUID],
  rsymfollow: ["clear", MS.NOSYMFOLLOW],
};

/** With one of these the mount may have others below it. */
const TREE_WORDS: readonly string[] = ["bind", "rbind", "remount"];

/** Words that mount(8) keeps to itself: they never reach the kernel (spec 6.09). */
const SILENT_WORDS: readonly string[] = ["defaults", "auto", "noauto", "nofail", "nouser", "nousers", "noowner", "nogroup", "_netdev"];

/** Who may mount it is of no meaning here, but mount(8) takes these for what such mounts must not hold. */
const USER_WORDS: Readonly<Record<string, number>> = {
  user: MS.NOSUID | MS.NODEV | MS.NOEXEC,
  users: MS.NOSUID | MS.NODEV | MS.NOEXEC,
  owner: MS.NOSUID | MS.NODEV,
  group: MS.NOSUID | MS.NODEV,
};

/** Every option word that is understood and not passed on as data, sorted (for `features`). */
export function knownMountOptions(): string[] {
  const tables = [FLAG_WORDS, RECURSIVE_WORDS, PROPAGATION, USER_WORDS].flatMap((table) => Object.keys(table));
  return [...tables, ...SILENT_WORDS, "idmap", "ridmap", "tmpcopyup"].sort();
}

/** Flags that were switched on, and those whose last word switched them off. */
interface Switches {
  set: number;
  cleared: number;
}

function turn(switches: Switches, [way, flag]: readonly ["set" | "clear", number]): void {
  if (way === "set") {
    switches.set |= flag;
    switches.cleared &= ~flag;
  } else {
    switches.set &= ~flag;
    switches.cleared |= flag;
  }
}

const ATIME_FLAGS = MS.NOATIME | MS.RELATIME | MS.STRICTATIME;

/** MS_* flags that have a mount attribute of their own, beside the access time field. */
function plainAttributes(flags: number): number {
  return (
    // The first four have the same bits in both worlds.
    (flags & (MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC)) | (flags & MS.NODIRATIME ? ATTR.NODIRATIME : 0) | (flags & MS.NOSYMFOLLOW ? ATTR.NOSYMFOLLOW : 0)
  );
}

/** As mount(2) reads its flags: strictatime beats noatime, and without both of them it is relatime (0). */
function accessTime(flags: number): number {
  if (flags & MS.STRICTATIME) return ATTR.STRICTATIME;
  return flags & MS.NOATIME ? ATTR.NOATIME : 0;
}

function attributes({ set, cleared }: Switches): { set: number; clear: number } {
  // The access time is one field: mount_setattr refuses to change it unless all of it is cleared.
  const clearTime = (set | cleared) & ATIME_FLAGS ? ATTR.ATIME : 0;
  return { set: plainAttributes(set) | accessTime(set), clear: plainAttributes(cleared) | clearTime };
}

/** Parses the option words of one mount. */
export function parseMountOptions(words: readonly string[]): MountOptions {
  const top: Switches = { set: 0, cleared: 0 };
  // A new filesystem is a tree of one mount.
  const tree: Switches = TREE_WORDS.some((word) => words.includes(word)) ? { set: 0, cleared: 0 } : top;
  const propagation: string[] = [];
  const data: string[] = [];
  let copyUp = false;
  let idmap: MountOptions["idmap"] = "";
  for (const word of words) {
    const flag = own(FLAG_WORDS, word);
    const treeFlag = own(RECURSIVE_WORDS, word);
    const way = own(PROPAGATION, word);
    const ofUser = own(USER_WORDS, word);
    if (flag !== undefined) turn(top, flag);
    else if (treeFlag !== undefined) turn(tree, treeFlag);
    else if (way !== undefined) propagation.push(String(way));
    else if (ofUser !== undefined) turn(top, ["set", ofUser]);
    else if (word === "tmpcopyup") copyUp = true;
    else if (word === "idmap" || word === "ridmap") idmap = word;
    else if (!isSilent(word)) data.push(word);
  }
  const attr = attributes(top);
  const recAttr = tree === top ? { set: 0, clear: 0 } : attributes(tree);
  return {
    bind: (top.set & MS.BIND) !== 0,
    recursive: (top.set & MS.REC) !== 0,
    remount: (top.set & MS.REMOUNT) !== 0,
    readonly: (top.set & MS.RDONLY) !== 0,
    flags: top.set & MS_SUPERBLOCK,
    flagsClear: top.cleared & MS_SUPERBLOCK,
    attrSet: attr.set,
    attrClear: attr.clear,
    recAttrSet: recAttr.set,
    recAttrClear: recAttr.clear,
    propagation,
    copyUp,
    idmap,
    data,
  };
}

function isSilent(word: string): boolean {
  return word === "" || SILENT_WORDS.includes(word) || /^(x-|X-|comment=)/.test(word);
}

/** An own property only: the word may be "constructor". */
function own<T>(table: Readonly<Record<string, T>>, word: string): T | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}
