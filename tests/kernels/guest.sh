# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# guest.sh: for sourcing. Debian's kernels, looked up and fetched once into $KERNELS, and guests of them in qemu (software emulation, no KVM).
KERNELS=${KERNELS:-/var/tmp/procrec-kernels}

apt_options() { # [security]: a private apt state that knows several Debian releases, or their security updates alone; the machine's own is not touched
	local a=$KERNELS/apt${1:+-$1} url key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]' suite
	mkdir -p "$a/lists/partial" "$a/cache/archives/partial"
	url=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -1 | sed 's,/debian/* *$,,')
	[ -n "$url" ] || return 1
	for suite in bullseye bookworm trixie; do echo "deb $key $url/debian-security $suite-security main"; done >"$a/sources"
	[ -n "${1-}" ] || for suite in bullseye bookworm bookworm-backports trixie trixie-backports; do echo "deb $key $url/debian $suite main"; done >>"$a/sources"
	APT=(-o Dir::Etc::sourcelist="$a/sources" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$a/lists"
		-o Dir::Cache="$a/cache" -o APT::Sandbox::User=root -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o Acquire::Languages=none)
	[ -n "$(find "$a/lists" -name '*Packages*' -mmin -1440 2>/dev/null | head -1)" ] || apt-get "${APT[@]}" update -qq >/dev/null 2>&1
}

package_of() { # SERIES [FLAVOUR-]: the newest kernel package of it
	local all pattern=${1//./\\.}
	[ "$1" = newest ] && pattern='[0-9.]*'
	all=$(apt-cache "${APT[@]}" search --names-only "^linux-image-[0-9].*[0-9]-${2-}amd64\$" | cut -d' ' -f1 | grep -vE 'dbg|unsigned|-rt-')
	grep -E "^linux-image-${pattern}[.+-]" <<<"$all" | sort -V | tail -1
}

fetch() { # PACKAGE: unpacked below $KERNELS/PACKAGE, whole or not at all
	local d=$KERNELS/$1 part
	[ -d "$d" ] && return
	rm -rf "$d.part" && mkdir -p "$d.part/deb" || return 1
	(cd "$d.part/deb" && apt-get "${APT[@]}" download "$1" >/dev/null 2>&1) || return 1
	# From 7.x on the image package only names another that has the kernel.
	for part in $(dpkg -I "$d.part"/deb/*.deb | grep -oE 'linux-binary-[^ ,]+'); do
		(cd "$d.part/deb" && apt-get "${APT[@]}" download "$part" >/dev/null 2>&1) || return 1
	done
	for part in "$d.part"/deb/*.deb; do dpkg -x "$part" "$d.part" || return 1; done
	rm -rf "$d.part/deb" && mv "$d.part" "$d"
}

fetch_kernel() { # PACKAGE: says where its kernel is; the modules, most of it, are left packed
	local d=$KERNELS/kernel-$1 deb name
	[ -d "$KERNELS/$1" ] && { kernel_of "$1"; return; }
	if [ ! -f "$d/vmlinuz" ]; then
		rm -rf "$d" && mkdir -p "$d" || return 1
		(cd "$d" && apt-get "${APT[@]}" download "$1" >/dev/null 2>&1) || return 1
		for name in $(dpkg -I "$d"/*.deb | grep -oE 'linux-binary-[^ ,]+'); do
			(cd "$d" && rm -f ./*.deb && apt-get "${APT[@]}" download "$name" >/dev/null 2>&1) || return 1
		done
		deb=$(echo "$d"/*.deb)
		name=$(dpkg -c "$deb" | grep -oE '\./(boot/vmlinuz-|usr/lib/modules/[^/]+/vmlinuz).*$' | head -1)
		dpkg --fsys-tarfile "$deb" 2>/dev/null | tar -xO --occurrence=1 "$name" >"$d/part" 2>/dev/null
		[ -s "$d/part" ] && rm -f "$deb" && mv "$d/part" "$d/vmlinuz" || return 1
	fi
	echo "$d/vmlinuz"
}

kernel_of() { # PACKAGE: its kernel's file
	ls "$KERNELS/$1"/boot/vmlinuz-* "$KERNELS/$1"/usr/lib/modules/*/vmlinuz 2>/dev/null | head -1
}

guest_files() { # DIRECTORY INIT FILE...: a guest's root in DIRECTORY: INIT, and in /t the FILEs; with the libraries that those need
	local root=$1 lib f
	mkdir -p "$root"/{bin,proc,sys,dev,tmp,etc,lib,run,t,root} && ln -s lib "$root/lib64" || return 1
	cp /bin/busybox "$root/bin/busybox" && cp "$2" "$root/init" && chmod 755 "$root/init" || return 1
	for f in /lib/*-linux-gnu/libgcc_s.so.1; do # pthread_exit wants it, and ldd does not tell
		mkdir -p "$root$(dirname "$f")" && cp -L "$f" "$root$(dirname "$f")/" || return 1
	done
	for f in "${@:3}"; do
		cp -L "$f" "$root/t/" || return 1
		ldd "$f" 2>/dev/null | grep -oE '/[^ ]+' | while read -r lib; do
			mkdir -p "$root$(dirname "$lib")" && cp -Ln "$lib" "$root$(dirname "$lib")/" 2>/dev/null
		done
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
}

guest_modules() { # DIRECTORY PACKAGE MODULE...: the MODULEs of a kernel and what they hang on, listed in load order in DIRECTORY/modules
	local root=$1 base=$KERNELS/$2 version file name module
	[ -d "$base/usr/lib/modules" ] && base=$base/usr
	version=$(basename "$(dirname "$(find "$base/lib/modules" -maxdepth 2 -name kernel | head -1)")")
	[ -f "$base/lib/modules/$version/modules.dep" ] || depmod -b "$base" "$version" || return 1
	for module in "${@:3}"; do
		modprobe -d "$base" -S "$version" --show-depends "$module" | awk '$1 == "insmod" {print $2}' || return 1
	done | awk '!seen[$0]++' | while read -r file; do
		name=$(basename "$file"); name=${name%.xz}; name=${name%.zst}
		case $file in *.xz) xz -dc "$file" >"$root/lib/$name";; *.zst) zstd -qdc "$file" >"$root/lib/$name";; *) cp "$file" "$root/lib/$name";; esac
		echo "$name"
	done >"$root/modules"
	[ -s "$root/modules" ]
}

guest_pack() { # DIRECTORY: into DIRECTORY.gz
	(cd "$1" && find . -print0 | cpio --null -o -H newc --quiet) | gzip -1 >"$1.gz"
}

guest_boot() { # KERNEL INITRAMFS LOG [qemu options...]: status 124: it was cut off after $LIMIT seconds
	timeout --foreground -k 5 "${LIMIT:-600}" qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp 2 -m 1024 -kernel "$1" -initrd "$2" \
		-append "console=ttyS0 quiet panic=-1 oops=panic ${APPEND-}" -nic none -display none -monitor none -serial stdio -no-reboot "${@:4}" \
		</dev/null 2>&1 | stdbuf -oL tr -d '\r' >"$3"
	return "${PIPESTATUS[0]}"
}
