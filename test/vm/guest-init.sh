#!/bin/busybox sh
# Process 1 of the initramfs, on busybox: makes the mounts that an init system would make, and goes to the root made of them.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
# Before the other filesystems are mounted. The kernel takes a policy by one write alone.
if [ -e /vm/policy ]; then
  mount -t selinuxfs selinuxfs /sys/fs/selinux && dd if=/vm/policy of=/sys/fs/selinux/load bs=1M || poweroff -f
fi
mount -t devtmpfs devtmpfs /dev
[ ! -e /modules/order ] || while read -r module; do insmod "/modules/$module"; done < /modules/order
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
cp -a /vm /run/vm
cp /bin/busybox /run/vm/busybox
tries=0
until [ -b /dev/vda ] || [ $tries = 100 ]; do tries=$((tries + 1)); sleep 0.05; done

mkdir /run/vm/tree /run/vm/memory /run/lock
mount -t virtiofs tree /run/vm/tree
mount -t tmpfs -o mode=755 tmpfs /run/vm/memory
mkdir /run/vm/memory/upper /run/vm/memory/work
mount -t overlay -o lowerdir=/run/vm/tree,upperdir=/run/vm/memory/upper,workdir=/run/vm/memory/work overlay /sysroot
mount -t tmpfs -o mode=1777 tmpfs /sysroot/tmp
mount -o bind /run/vm/tree/host /sysroot/host
mkdir -p /sysroot/lib/modules
mount -t ext4 -o ro /dev/vda /sysroot/lib/modules

mkdir /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm
mount -t mqueue mqueue /dev/mqueue
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
ln -s /proc/self/fd/1 /dev/stdout
ln -s /proc/self/fd/2 /dev/stderr
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
# As systemd mounts it. Nothing is enabled below the root: that is for the runtime to do.
[ -e /run/vm/hybrid ] || mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
echo vm > /proc/sys/kernel/hostname
ip link set lo up

# A root that is no initramfs: pivot_root works there.
for name in proc sys dev run; do mount -o move /$name /sysroot/$name; done
if [ -d /sysroot/run/vm/units ]; then
  mkdir -p /sysroot/run/systemd/system
  cp /sysroot/run/vm/units/* /sysroot/run/systemd/system/
  # Who has a systemd of their own (user@.service), which the tests start.
  echo vm-user:x:21500:21500::/:/bin/sh >> /sysroot/etc/passwd
  echo vm-user:x:21500: >> /sysroot/etc/group
  exec switch_root /sysroot /lib/systemd/systemd --unit=vm.target
fi
exec switch_root /sysroot /run/vm/busybox sh /run/vm/job
