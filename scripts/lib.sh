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
