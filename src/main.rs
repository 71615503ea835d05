//! Parses, dispatches, exits; nothing else.

/// musl's allocator makes SSH uploads about twice as dear in processor time.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    kk::cli::main()
}
