# SPDX-License-Identifier: ISC
# bash completion for xenolith(1)
_xenolith() {
	local word=${COMP_WORDS[COMP_CWORD]} words=() w
	for w in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $w == -* ]] || words+=("$w")
	done
	case ${#words[@]} in
	0) COMPREPLY=($(compgen -W "--json info ps top mem stats net block devices log level config
		profile trace shutdown interfaces describe call console vcat run ec2" -- "$word")) ;;
	1) [[ ${words[0]} != run ]] || { COMPREPLY=($(compgen -f -W "--memory --name --disk --net
		--cmdline --config --show --background" -- "$word")); return; }
	   COMPREPLY=($(compgen -W "$(xl list 2> /dev/null | awk 'NR > 2 { print $1 }')" -- "$word")) ;;
	2) case ${words[0]} in
		level) COMPREPLY=($(compgen -W "error warning info debug" -- "$word")) ;;
		describe) COMPREPLY=($(compgen -W "$(xenolith interfaces "${words[1]}" 2> /dev/null)" -- "$word")) ;;
		esac ;;
	esac
	[[ ${words[0]} != profile || $word != -* ]] || COMPREPLY=($(compgen -W "--seconds --hz --flame
		--perf= --folded= --idle" -- "$word"))
}
complete -F _xenolith xenolith
