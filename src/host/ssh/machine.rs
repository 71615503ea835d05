//! A session as the engine sees it.

use std::io::Read;

use futures::FutureExt;
use futures::future::BoxFuture;
use secrecy::ExposeSecret;

use super::session::Session;
use super::upload::upload;
use crate::host::{Machine, MachineError, Output, Script};

impl Machine for Session {
    fn name(&self) -> &str {
        &self.target().name
    }

    fn run<'a>(&'a self, script: &'a Script) -> BoxFuture<'a, Result<Output, MachineError>> {
        self.script_within(script.text.expose_secret(), true, script.timeout).boxed()
    }

    fn upload<'a>(
        &'a self,
        source: Box<dyn Read + Send>,
        size: u64,
        path: &'a str,
    ) -> BoxFuture<'a, Result<(), MachineError>> {
        upload(self, source, size, path).boxed()
    }
}
