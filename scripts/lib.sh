# Sourced by the scripts beside it, with ROOT set to the checkout's folder: where a JDK 25 is, and which Maven to use.
# Bash 3.2 is enough, so that it works on macOS as it is.

# Ends the script with an exit code and one line on stderr.
fail() {
    local code=$1
    shift
    printf 'attention: %s\n' "$*" >&2
    exit "$code"
}

# Whether a folder is the home of Java 25 or later: there is java, and the file "release" says so.
is_java_25() {
    local line major=
    [ -x "$1/bin/java" ] && [ -r "$1/release" ] || return 1
    while IFS= read -r line; do
        case $line in
            JAVA_VERSION=*)
                major=${line#JAVA_VERSION=}
                major=${major//\"/}
                major=${major%%[!0-9]*}
                ;;
        esac
    done < "$1/release"
    [ -n "$major" ] && [ "$major" -ge 25 ]
}

# The home of the java on the PATH, through its links; empty if there is none.
home_on_path() {
    local java
    java=$(command -v java) && dirname "$(dirname "$(readlink -f "$java")")"
}

# Sets JDK to the first JDK 25 or later of those that the user names and those in the usual places; to a run-time without compiler
# if there is nothing else, which is enough for what is already built.
find_jdk() {
    local candidate
    JDK=
    for candidate in "${JAVA_HOME:-}" "${JAVA_25_HOME:-}" "${JAVA25_HOME:-}" "$(home_on_path)" \
        "${SDKMAN_DIR:-${HOME:-}/.sdkman}"/candidates/java/25* "${SDKMAN_DIR:-${HOME:-}/.sdkman}"/candidates/java/* \
        /usr/lib/jvm/*25* /usr/lib/jvm/* /usr/java/* /opt/java/* /opt/jdk* \
        /Library/Java/JavaVirtualMachines/*/Contents/Home "${HOME:-}"/Library/Java/JavaVirtualMachines/*/Contents/Home \
        /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home "${HOME:-}"/.jdks/*; do
        if [ -n "$candidate" ] && is_java_25 "$candidate"; then
            if [ -x "$candidate/bin/javac" ]; then
                JDK=$candidate
                return
            fi
            JDK=${JDK:-$candidate}
        fi
    done
    [ -n "$JDK" ] ||
        fail 3 "no JDK 25 found: install one (sdk install java 25-tem, or https://adoptium.net); set JAVA_HOME if it is elsewhere"
}

# Sets MAVEN to mvn, or to the wrapper, which downloads Maven.
find_maven() {
    if command -v mvn > /dev/null; then
        MAVEN=mvn
    else
        MAVEN=$ROOT/mvnw
    fi
}

# Java decodes file names by the locale: without one, names beyond ASCII could not be opened.
case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
    *[Uu][Tt][Ff]*) ;;
    *) export LC_ALL=C.UTF-8 ;;
esac

# Whether a source or a pom of a module, or of one that it needs, is newer than the module's last build. A folder is newer if a
# file was removed from it.
is_outdated() {
    local needed
    [ -f "$ROOT/$1/target/built.stamp" ] || return 0
    for needed in simulator tornado-kernels host "$1"; do
        [ -z "$(find "$ROOT/pom.xml" "$ROOT/$needed/pom.xml" "$ROOT/$needed/src/main" \
            -newer "$ROOT/$1/target/built.stamp" -print \
            2> /dev/null)" ] || return 0
    done
    return 1
}

# Builds a module's jars. Two calls at the same time do not build into the same folders: the second one waits for the first.
build() {
    local module=$1 lock=$ROOT/host/target/building log=$ROOT/$1/target/build.log started owner
    mkdir -p "$ROOT/host/target" "$ROOT/$module/target" || fail 2 "$ROOT/host/target cannot be written"
    until mkdir "$lock" 2> /dev/null; do
        owner=$(cat "$lock/owner" 2> /dev/null)
        if [ -n "$owner" ] && ! kill -0 "$owner" 2> /dev/null; then
            rm -rf "$lock"
        fi
        sleep 1
    done
    echo $$ > "$lock/owner"
    trap 'rm -rf "$lock"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if is_outdated "$module"; then
        [ -x "$JDK/bin/javac" ] || fail 3 "$JDK has no compiler, which building needs: install a JDK 25 and set JAVA_HOME to it"
        find_maven
        printf 'attention: building, which happens once (log: %s)\n' "$log" >&2
        started=$ROOT/$module/target/started.stamp
        touch "$started"
        rm -rf "$ROOT/$module/target/lib"
        if ! (cd "$ROOT" && JAVA_HOME=$JDK "$MAVEN" -q -B -ntp -pl "$module" -am package \
            -Dmaven.test.skip=true) > "$log" 2>&1; then
            cat "$log" >&2
            fail 3 "the build failed; its output is above and in $log"
        fi
        # what was edited while Maven ran is still newer than this
        mv "$started" "$ROOT/$module/target/built.stamp"
    fi
    rm -rf "$lock"
    trap - EXIT INT TERM
}

# Runs a tool, attention or bench, of a built checkout, in place of this shell.
start() {
    local tool=$1 jar host word words status
    shift
    for jar in "$ROOT"/host/target/host-*[0-9T].jar; do
        host=$jar
    done
    # The launcher prints 0 and the words of the real command line, or only an exit code, each followed by a NUL.
    words=()
    while IFS= read -r -d '' word; do
        words+=("$word")
    done < <("$JDK/bin/java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$host" \
        -Dattention.tool="$tool" io.github.tornadoattention.host.launch.Launch "$ROOT" "$@")
    status=${words[0]-70}
    [ "$status" = 0 ] || exit "$status"

    ATTENTION_TERMINAL=0
    if [ -t 2 ]; then
        ATTENTION_TERMINAL=1
    fi
    export ATTENTION_TERMINAL
    for word in "${words[@]}"; do
        if [ "$word" = -Dattention.stderr=9 ]; then
            # the JVM's warning about incubator modules goes nowhere; Main puts the real stderr back
            exec "${words[@]:1}" 9>&2 2> /dev/null
        fi
    done
    exec "${words[@]:1}"
}
