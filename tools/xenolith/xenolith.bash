# SPDX-License-Identifier: ISC
# bash completion for xenolith(1)
_xenolith() {
	local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]} words=() w list=
	for w in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $w == -* ]] || words+=("$w")
	done
	if [[ $word == -* ]]; then
		case ${words[0]} in
		"") list="--json --help --version" ;;
		level | config | call | block | fs | devices) list=--json ;;
		net) list=-c ;;
		cp) list="-r -m" ;;
		log) list=-f ;;
		shutdown | stop) list="-r -c" ;;
		vcat) list=-l ;;
		trace) list=--seconds ;;
		profile) list="--seconds --hz --flame --perf= --folded= --idle" ;;
		pool) list="-n --type --memory --name --disk --net --cmdline --config --ramdisk" ;;
		run) list="--pool --from --type --memory --name --disk --net --cmdline --config --ramdisk --timeout
			--quiet --show --libvirt --background -p" ;;
		rm) list=-f ;;
		disk) list="--size --from --label --store --fault --rates --ro --latency --write-cache
			--lose-cache-on-destroy --out-of-order --seed --help" ;;
		new) list=--template ;;
		ec2) list="--profile --region --dry-run --owner --type --lifetime --zone --help" ;;
		esac
	else
		case $last:${words[0]}:${#words[@]} in
		--template:new:*) list="hello server httpd cxx" ;;
		--type:run:*) list="pv pvh hvm unix" ;;
		--type:pool:*) list="pv pvh" ;;
		--type:ec2:*) list="t2.micro t2.nano t2.small m4.large c4.large t1.micro m3.medium" ;;
		*::0) list="--json help list info ps top mem stats net block fs devices log level config cp profile
			trace shutdown stop wait rm save checkpoint snapshot restore migrate signal interfaces describe call console gdb vcat run
			pool lab disk ec2 new build test add ports" ;;
		*:pool:1)
			compopt -o filenames 2> /dev/null
			COMPREPLY=($(compgen -W "list stop" -- "$word") $(compgen -f -- "$word"))
			return ;;
		*:pool:2) list=$(xenolith pool list 2> /dev/null | awk 'NR > 1 { print $1 }') ;;
		*:disk:1) list="make serve" ;;
		*:lab:1) list="start stop status shell exec" ;;
		*:ec2:1) list="image upload run fleet list types console stop gc" ;;
		*:run:* | *:disk:* | *:ec2:* | --flame:* | *:restore:1 | *:save:2 | *:checkpoint:2 | *:snapshot:2 | --from:*)
			compopt -o filenames 2> /dev/null
			COMPREPLY=($(compgen -f -- "$word"))
			return ;;
		*:cp:*)
			compopt -o filenames 2> /dev/null
			COMPREPLY=($(compgen -f -- "$word")
				   $(xl list 2> /dev/null | awk -v w="$word" 'NR > 2 && index($1, w) == 1 { print $1 ":/" }'))
			return ;;
		*:log:1 | *:wait:1 | *:rm:*)
			list=$(xenolith list 2> /dev/null | awk 'NR > 1 { print $1 }') ;;
		*:1) list=$(xl list 2> /dev/null | awk 'NR > 2 { print $1 }') ;;
		*:gdb:*)
			compopt -o filenames 2> /dev/null
			COMPREPLY=($(compgen -d -- "$word") $(compgen -f -X '!*.elf' -- "$word"))
			return ;;
		*:level:2) list="error warning info debug" ;;
		*:signal:2) list="TERM HUP INT QUIT USR1 USR2 WINCH" ;;
		*:fs:2) list="freeze thaw" ;;
		*:trace:2) list="sched ring tcp" ;;
		*:config:2) list=$(xenolith config "${words[1]}" 2> /dev/null | sed 's/[:=].*//') ;;
		*:describe:2) list=$(xenolith interfaces "${words[1]}" 2> /dev/null) ;;
		*:call:2)
			compopt -o nospace 2> /dev/null
			list=$(xenolith interfaces "${words[1]}" 2> /dev/null | sed 's/$/./'
			       xenolith describe "${words[1]}" "${word%.*}" 2> /dev/null |
				       sed -n "s/^method \([A-Za-z]*\).*/${word%.*}.\1/p") ;;
		esac
	fi
	COMPREPLY=($(compgen -W "$list" -- "$word"))
}
complete -F _xenolith xenolith
