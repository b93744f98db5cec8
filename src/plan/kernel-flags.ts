// Numbers of the kernel's interface that the sections and explain.ts share: the same on every architecture of Linux.

/** Flags of mount(2), of the superblock as well as of the mount itself. */
export const MS = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  SYNCHRONOUS: 0x10,
  REMOUNT: 0x20,
  MANDLOCK: 0x40,
  DIRSYNC: 0x80,
  NOSYMFOLLOW: 0x100,
  NOATIME: 0x400,
  NODIRATIME: 0x800,
  BIND: 0x1000,
  REC: 0x4000,
  SILENT: 0x8000,
  UNBINDABLE: 0x20000,
  PRIVATE: 0x40000,
  SLAVE: 0x80000,
  SHARED: 0x100000,
  RELATIME: 0x200000,
  I_VERSION: 0x800000,
  STRICTATIME: 0x1000000,
  LAZYTIME: 0x2000000,
} as const;

/** The mount flags that belong to the superblock (RDONLY to both). */
export const MS_SUPERBLOCK = MS.RDONLY | MS.SYNCHRONOUS | MS.MANDLOCK | MS.DIRSYNC | MS.SILENT | MS.I_VERSION | MS.LAZYTIME;

/** Attributes of mount_setattr(2) and fsmount(2). ATIME is the mask of the access time field; relatime is its 0. */
export const ATTR = {
  ATIME: 0x70,
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  NOATIME: 0x10,
  STRICTATIME: 0x20,
  NODIRATIME: 0x80,
  NOSYMFOLLOW: 0x200000,
} as const;

/** Namespace flags of clone3(2), unshare(2) and setns(2), by the words of the specification. */
export const CLONE = {
  time: 0x80,
  mount: 0x20000,
  cgroup: 0x2000000,
  uts: 0x4000000,
  ipc: 0x8000000,
  user: 0x10000000,
  pid: 0x20000000,
  network: 0x40000000,
} as const;

export type NamespaceType = keyof typeof CLONE;

/** Propagation words, for mounts and for rootfsPropagation. */
export const PROPAGATION: Readonly<Record<string, number>> = {
  private: MS.PRIVATE,
  rprivate: MS.PRIVATE | MS.REC,
  slave: MS.SLAVE,
  rslave: MS.SLAVE | MS.REC,
  shared: MS.SHARED,
  rshared: MS.SHARED | MS.REC,
  unbindable: MS.UNBINDABLE,
  runbindable: MS.UNBINDABLE | MS.REC,
};
