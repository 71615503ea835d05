//! A session as the engine sees it.

use std::io::{Read, Write};
use std::net::IpAddr;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::download::download;
use super::session::Session;
use super::upload::upload;
use crate::digest::Digest;
use crate::host::{Machine, MachineError, Output, Script, Wire};

impl Machine for Session {
    fn name(&self) -> &str {
        &self.target().name
    }

    fn peer_address(&self) -> Option<IpAddr> {
        self.target().internal
    }

    fn detour<'a>(&'a self, port: u16) -> BoxFuture<'a, Result<Option<Box<dyn Wire>>, MachineError>> {
        self.detour_to(port).boxed()
    }

    fn run<'a>(&'a self, script: &'a Script) -> BoxFuture<'a, Result<Output, MachineError>> {
        self.script_within(script.expose(), true, script.timeout).boxed()
    }

    fn upload<'a>(
        &'a self,
        source: Box<dyn Read + Send>,
        size: u64,
        path: &'a str,
    ) -> BoxFuture<'a, Result<(), MachineError>> {
        upload(self, source, size, path).boxed()
    }

    fn download<'a>(
        &'a self,
        path: &'a str,
        size: u64,
        sink: Box<dyn Write + Send>,
    ) -> BoxFuture<'a, Result<Digest, MachineError>> {
        download(self, path, size, sink).boxed()
    }
}
