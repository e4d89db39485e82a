#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# The first process of the node's machine: its root is the first disk, what belongs to this run the second; then systemd has it.
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox insmod /virtio_blk.ko
busybox mount -t ext4 /dev/vda /root
busybox mkdir -p /root/opt/node
busybox mount -t ext4 -o ro /dev/vdb /root/opt/node
busybox cp -a /root/opt/node/etc/. /root/etc/
exec busybox switch_root /root /lib/systemd/systemd
