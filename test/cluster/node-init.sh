#!/bin/sh
# First process of a node, in namespaces of its own: gives it a file system that is the machine's but for what a node writes,
# and then waits. Called with the node's folder, the program that waits, and the node's name and address.
set -eu
folder=$1 pause=$2 name=$3 address=$4

mount --make-rshared /
hostname "$name"
mount -t tmpfs -o mode=755 tmpfs /run
for own in /var/lib/kubelet /var/log/pods /var/log/containers /usr/libexec/kubernetes; do
  mkdir -p "$own" "$folder/own$own"
  mount --bind "$folder/own$own" "$own"
done
# kubelet writes settings of the whole machine; it gets plain files instead, so that the machine keeps its values.
while read -r key value; do
  file=$folder/own/$(echo "$key" | tr / _)
  echo "$value" >"$file"
  mount --bind "$file" "/proc/sys/$key"
done <<'SETTINGS'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
SETTINGS
# No look-up may leave the node: kubectl logs would hang on the one for the node's name.
printf '127.0.0.1 localhost\n%s %s\n' "$address" "$name" >"$folder/hosts"
mount --bind "$folder/hosts" /etc/hosts
: >"$folder/resolv.conf"
mount --bind "$folder/resolv.conf" /etc/resolv.conf
sysctl -q -w net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1 net.ipv4.conf.all.route_localnet=1
touch "$folder/initialized"
exec "$pause"
