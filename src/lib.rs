//! `kk` delivers Kubernetes platforms across an air gap. This page is the map of the house.
//!
//! A room imports only from its own floor or from one below it:
//!
//! | floor | rooms |
//! |---|---|
//! | 5 | [`cli`]: one file per command, flags in, one job called |
//! | 4 | [`jobs`]: one file per verb, each reads as a table of contents; [`ui`]: the only place that prints |
//! | 3 | [`plan`]: cluster + inventory + facts → Plan (pure); [`run`]: executes a Plan |
//! | 2 | [`install`]: what each concern wants on a host; builds steps, runs nothing |
//! | 1 | [`host`], [`bundle`], [`image`], [`fetch`], [`apiserver`], [`peer`]: one kind of effect each; [`chart`], [`sbom`]: what is inside what is carried |
//! | 0 | [`manifest`], [`cluster`], [`catalog`]: the files users write, and data; [`trust`]: keys, signatures, receipts; [`yaml`], [`digest`], [`event`], [`quantity`], [`handshake`] |
//!
//! Three rules hold everywhere: the bundle is the contract (inside the gap nothing else names a version); plan,
//! then run (a Plan leaves no choice to the executor); steps hold or are made to hold (a second run changes nothing).

pub mod apiserver;
pub mod bundle;
pub mod catalog;
pub mod chart;
pub mod cli;
pub mod cluster;
pub mod digest;
pub mod event;
pub mod fetch;
pub mod handshake;
pub mod host;
pub mod image;
pub mod install;
pub mod jobs;
pub mod manifest;
pub mod peer;
pub mod plan;
pub mod quantity;
pub mod run;
pub mod sbom;
pub mod trust;
pub mod ui;
pub mod yaml;
