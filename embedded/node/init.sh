#!/bin/sh
# First process of the node. Started by embedded/node/lifecycle.py inside new mount, PID, network, UTS and IPC
# namespaces: makes the node's root file system the root, waits for its interface, then supervises the daemons
# below /var/lib/crossfade/service with runit.
#   $1 root file system   $2 host name   $3 node address with prefix   $4 host address   $5 cgroup name
set -eu
root=$1 name=$2 address=$3 gateway=$4 cgroup=$5

mount --make-rprivate /
mount --bind "$root" "$root"

# A cgroup of its own in every hierarchy: the kubelet's root, and what `status` reads memory from.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	hierarchies=/sys/fs/cgroup # version 2: one hierarchy
else
	hierarchies=$(echo /sys/fs/cgroup/*)
fi
for hierarchy in $hierarchies; do
	[ -e "$hierarchy/cgroup.procs" ] || continue
	mkdir -p "$hierarchy/$cgroup/node"
	if [ -e "$hierarchy/cgroup.controllers" ]; then
		for controller in $(cat "$hierarchy/cgroup.controllers"); do
			echo "+$controller" >"$hierarchy/cgroup.subtree_control" 2>/dev/null || true
			echo "+$controller" >"$hierarchy/$cgroup/cgroup.subtree_control" 2>/dev/null || true
		done
	fi
	if [ -e "$hierarchy/cpuset.cpus" ]; then
		for part in "$cgroup" "$cgroup/node"; do
			cat "$hierarchy/cpuset.cpus" >"$hierarchy/$part/cpuset.cpus"
			cat "$hierarchy/cpuset.mems" >"$hierarchy/$part/cpuset.mems"
		done
	fi
	echo $$ >"$hierarchy/$cgroup/node/cgroup.procs"
done

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"

# The kubelet sets these sysctls, which belong to the whole machine. It finds its values in files laid over them,
# so the machine's own stay as they are.
mkdir -p "$root/run/sysctl"
for pair in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
	kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
	key=${pair%=*} file="$root/run/sysctl/$(echo "${pair%=*}" | tr / .)"
	echo "${pair#*=}" >"$file"
	[ ! -e "$root/proc/sys/$key" ] || mount --bind "$file" "$root/proc/sys/$key"
done

cd "$root"
mkdir -p .old
pivot_root . .old
cd /
umount -l /.old
# Volumes that a container mounts must reach the kubelet, and the other way round.
mount --make-rshared /

hostname "$name"
echo "127.0.0.1 localhost
${address%/*} $name" >/etc/hosts
# Nothing answers there: a look-up of an outside name fails at once, as it must on a closed machine.
echo "nameserver $gateway" >/etc/resolv.conf
ip link set lo up
until ip link show eth0 >/dev/null 2>&1; do sleep 0.1; done
ip address replace "$address" dev eth0
ip link set eth0 up
ip route replace default via "$gateway"
sysctl_set() { echo "$2" >"/proc/sys/$1" 2>/dev/null || true; }
sysctl_set net/ipv4/ip_forward 1
sysctl_set net/bridge/bridge-nf-call-iptables 1
exec runsvdir -P /var/lib/crossfade/service
