# Sourced by the scripts beside it: checks that are counted, all of which run, also after one has failed.
scratch=$(mktemp -d)
# Servers that refuse to run as root work below it, too.
chmod 711 "$scratch"
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP
passed=0
failed=0
failures=()

# check <title> <command…>: quiet unless it fails
check() {
  local title=$1 start=$SECONDS
  shift
  if "$@" >"$scratch/log" 2>&1; then
    passed=$((passed + 1))
    echo "ok      $title ($((SECONDS - start)) s)"
  else
    failed=$((failed + 1))
    failures+=("$title")
    cat "$scratch/log"
    echo "FAILED  $title ($((SECONDS - start)) s)"
  fi
}

# counted <title> <command…>: of a command whose last line is "N passed, N failed"
counted() {
  local title=$1 start=$SECONDS summary
  shift
  "$@" 2>&1 | tee "$scratch/output"
  echo "$title took $((SECONDS - start)) s"
  summary=$(tail -n 1 "$scratch/output")
  if [[ $summary =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    [[ ${BASH_REMATCH[2]} -eq 0 ]] || failures+=("$title, see the lines before its summary")
  else
    echo "FAILED  $title did not end with its summary"
    failed=$((failed + 1))
    failures+=("$title did not end with its summary")
  fi
}

finish() {
  # The first of them may have scrolled far away.
  [[ $failed -eq 0 ]] || printf 'FAILED  %s\n' "${failures[@]}"
  echo "$passed passed, $failed failed"
  [[ $failed -eq 0 ]]
  exit
}
