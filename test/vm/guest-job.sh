# Process 1 of the guest's root: runs the command, and tells vm-run "started UPTIME" and "exit STATUS".
busybox=/run/vm/busybox
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
# The first number counts virtio devices of every kind.
set -- /dev/vport*p3
port=${1%3}
[ -c "${port}3" ] || $busybox poweroff -f
exec 9> "${port}3"
read -r uptime _ < /proc/uptime
# Whatever hangs in the kernel is told on the console, with where.
echo 60 > /proc/sys/kernel/hung_task_timeout_secs
echo 7 > /proc/sys/kernel/printk
cd /
# Pipes: a port cannot be opened twice, as /dev/stdout would.
$busybox mkfifo -m 600 /run/vm/1 /run/vm/2
$busybox cat /run/vm/1 > "${port}1" 9>&- & out=$!
$busybox cat /run/vm/2 > "${port}2" 9>&- & err=$!
echo "started $uptime" >&9
/bin/sh /run/vm/command < /dev/null > /run/vm/1 2> /run/vm/2 9>&-
status=$?
# What the command left behind may hold the pipes open: no long wait.
tries=0
while [ $tries -lt 20 ] && { kill -0 $out || kill -0 $err; } 2> /dev/null; do
  tries=$((tries + 1))
  $busybox sleep 0.05
done
$busybox sync
echo "exit $status" >&9
$busybox poweroff -f
