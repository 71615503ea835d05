# shellcheck shell=bash
# Building kk: the Rust toolchain where there is none, and the static binary.

RUST_CHANNEL=1.95.0
TARGET=$(uname -m)-unknown-linux-musl

# A toolchain that is new enough, and the musl target.
ensure_rust() {
    need_packages gcc libc6-dev musl-tools ca-certificates curl
    if [[ -r $HOME/.cargo/env ]]; then
        # shellcheck disable=SC1091
        source "$HOME/.cargo/env"
    fi
    if ! command -v rustup >/dev/null; then
        say "installing Rust $RUST_CHANNEL with rustup"
        local installer
        installer=$(mktemp)
        curl -fsSL --retry 3 -o "$installer" \
            "https://static.rust-lang.org/rustup/dist/$(uname -m)-unknown-linux-gnu/rustup-init"
        chmod 700 "$installer"
        "$installer" -qy --no-modify-path --profile minimal --default-toolchain "$RUST_CHANNEL" >"$(log_file rustup)" 2>&1
        rm -f "$installer"
        # shellcheck disable=SC1091
        source "$HOME/.cargo/env"
    fi
    local installed
    installed=$(rustc --version | cut -d' ' -f2)
    if [[ $(printf '%s\n' 1.91.0 "$installed" | sort -V | head -1) != 1.91.0 ]]; then
        say "Rust $installed is too old: installing $RUST_CHANNEL beside it"
        rustup -q toolchain install --profile minimal "$RUST_CHANNEL" >>"$(log_file rustup)" 2>&1
        export RUSTUP_TOOLCHAIN=$RUST_CHANNEL
    fi
    rustup -q target add "$TARGET" >>"$(log_file rustup)" 2>&1
}

# Builds the static binary and prints its path.
build_kk() {
    local checkout=$1 started=$SECONDS
    say "building kk (log: $(log_file kk))"
    if ! (cd "$checkout" && cargo build --release --locked --target "$TARGET" --bin kk) >"$(log_file kk)" 2>&1; then
        tail -n 30 "$(log_file kk)" >&2
        die "kk does not build"
    fi
    say "built kk in $((SECONDS - started)) s"
    printf '%s\n' "${CARGO_TARGET_DIR:-$checkout/target}/$TARGET/release/kk"
}
