//! Charts, packages, files and kk itself: from where they are published into a bundle, and held against a cluster file.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use kk::digest::Digest;
use kk::event::silent;
use kk::image::Client;
use kk::image::push::{Pusher, Wanted};
use serde_json::{Value, json};

use crate::images::{self, Blobs};
use crate::world::{World, failure, success};

const CONTENT: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const HEAD: &str = "{apiVersion: kubekey.kubesphere.io/v1alpha2, kind: Manifest, metadata: {name: carried}, spec: ";

/// A gzipped tar.
fn tgz(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        builder.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn chart(name: &str, version: &str) -> Vec<u8> {
    let metadata = format!("apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: v1\n");
    let values = format!("image: {{repository: registry.test/team/{name}, tag: ''}}\n");
    tgz(&[(&format!("{name}/Chart.yaml"), &metadata), (&format!("{name}/values.yaml"), &values)])
}

/// Pushes a chart as `helm push` does.
async fn push_chart(world: &World, repository: &str, tag: &str, archive: Vec<u8>) {
    let client = Client::new(&world.registry.access()).unwrap();
    let mut blobs = Blobs::default();
    let (config, config_size) = blobs.add(br#"{"name":"oci","version":"2.0.0+b1"}"#.to_vec());
    let (content, content_size) = blobs.add(archive);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": images::OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": config, "size": config_size},
        "layers": [{"mediaType": CONTENT, "digest": content, "size": content_size}],
    });
    let (digest, _) = blobs.add(manifest.to_string().into_bytes());
    let image = kk::bundle::inventory::Image {
        reference: "x/y:z".into(),
        digest,
        media_type: images::OCI_MANIFEST.into(),
        platforms: vec![kk::bundle::inventory::Platform {
            platform: "linux/amd64".into(),
            manifest: digest,
            blobs: vec![config, content],
        }],
    };
    let wanted = Wanted { image: &image, repository: repository.into(), tag: Some(tag.into()) };
    Pusher::new(client, 2, silent()).push_image(&blobs, &wanted).await.unwrap();
}

fn inventory(world: &World, bundle: &str) -> Value {
    let shown = success(world.run(&["artifact", "inspect", "--output", "json", "-a", bundle]));
    serde_json::from_str(&shown).unwrap()
}

fn paths(inventory: &Value, list: &str) -> Vec<String> {
    let entries = inventory[list].as_array().cloned().unwrap_or_default();
    entries.iter().map(|one| one["path"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn charts_packages_and_files_come_from_wherever_they_are() {
    let world = World::new().await;
    let web = chart("web", "1.2.3");
    world.files.put("/charts.test/stable/archives/web-1.2.3.tgz", web.clone());
    let index = format!(
        "apiVersion: v1\nentries:\n  web:\n    - version: 1.2.3\n      digest: {}\n      urls: [archives/web-1.2.3.tgz]\n",
        Digest::of(&web).hex()
    );
    world.files.put("/charts.test/stable/index.yaml", index);
    push_chart(&world, "charts/oci", "2.0.0_b1", chart("oci", "2.0.0+b1")).await;
    fs::create_dir_all(world.path("folder/templates")).unwrap();
    world.write("folder/Chart.yaml", "name: folder\nversion: 0.1.0\n");
    world.write("folder/templates/a.yaml", "# nothing\n");
    fs::write(world.path("packed.tgz"), chart("packed", "0.2.0")).unwrap();
    world.files.put("/files.test/debian.iso", "packages of debian");
    world.write("local.iso", "packages of ubuntu");
    world.write("notes.txt", "hello");
    let sum = Digest::of(b"packages of debian").hex();
    let manifest = format!(
        "{HEAD} {{
  arches: [amd64],
  operatingSystems: [
    {{arch: amd64, type: linux, id: debian, version: '12', repository: {{iso: {{localPath: , url: 'https://files.test/debian.iso', checksum: {sum}}}}}}},
    {{arch: amd64, type: linux, id: ubuntu, version: '22.04', repository: {{iso: {{localPath: local.iso}}}}}},
    {{arch: amd64, type: linux, id: rhel, version: '9', repository: {{iso: {{localPath: , url: }}}}}}],
  charts: [
    {{name: web, version: 1.2.3, repo: 'https://charts.test/stable'}},
    {{name: oci, version: 2.0.0+b1, repo: 'oci://registry.test/charts'}},
    {{name: folder, version: 0.1.0, path: folder}},
    {{name: packed, version: 0.2.0, path: ./packed.tgz}}],
  files: [
    {{name: site/notes.txt, localPath: notes.txt}},
    {{name: site/same.iso, url: 'https://files.test/debian.iso', checksum: 'sha256:{sum}'}}]}}}}"
    );
    world.write("manifest.yaml", &manifest);
    success(world.export(&["-o", "one.tar.gz"]));
    let seen = inventory(&world, "one.tar.gz");
    assert_eq!(
        paths(&seen, "charts"),
        ["charts/folder-0.1.0.tgz", "charts/oci-2.0.0+b1.tgz", "charts/packed-0.2.0.tgz", "charts/web-1.2.3.tgz"]
    );
    assert_eq!(paths(&seen, "packages"), ["packages/debian-12-amd64.iso", "packages/ubuntu-22.04-amd64.iso"]);
    for path in ["files/site/notes.txt", "files/site/same.iso"] {
        assert!(paths(&seen, "files").contains(&path.to_owned()), "{path}");
    }
    assert_eq!(seen["charts"][3]["sha256"], json!(Digest::of(&web)));
    success(world.run(&["artifact", "verify", "--sha256", "-a", "one.tar.gz"]));
    let lock: Value = serde_json::from_slice(&world.read("manifest.lock")).unwrap();
    assert_eq!(lock["charts"][3]["url"], "https://charts.test/stable/archives/web-1.2.3.tgz");
    assert_eq!(lock["packages"][0]["checksumSource"], "upstream");

    // From the lock: nobody is asked, and the bytes are the same.
    world.files.take_log();
    world.files.put("/charts.test/stable/index.yaml", "entries: {}");
    success(world.export(&["-o", "two.tar.gz"]));
    assert_eq!(world.files.take_log(), Vec::<String>::new());
    assert!(world.read("one.tar.gz") == world.read("two.tar.gz"));

    // A local file with a checksum is the one that was meant, or none.
    world.write(
        "manifest.yaml",
        &manifest.replace("{localPath: local.iso}", &format!("{{localPath: local.iso, checksum: {sum}}}")),
    );
    let (code, stderr) = failure(world.export(&["-o", "three.tar"]));
    assert_eq!(code, 6);
    assert!(stderr.contains("packages of ubuntu 22.04 for amd64: ") && stderr.contains("has the digest"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_named_chart_is_not_carried() {
    let world = World::new().await;
    let index = "entries: {web: [{version: 1.2.3, urls: [other.tgz]}, {version: 1.2.4, urls: [page.tgz]}]}";
    world.files.put("/charts.test/index.yaml", index);
    world.files.put("/charts.test/other.tgz", chart("other", "1.2.3"));
    world.files.put("/charts.test/page.tgz", "<html>");
    let refused = |version: &str, repo: &str| {
        let charts = format!("charts: [{{name: web, version: {version}, repo: '{repo}'}}]");
        world.write("manifest.yaml", &format!("{HEAD} {{arches: [amd64], {charts}}}}}"));
        failure(world.export(&["-o", "one.tar"]))
    };
    let (code, stderr) = refused("1.2.3", "https://charts.test");
    assert!(code == 6 && stderr.contains("what was fetched is no such chart: it is other 1.2.3"), "{code} {stderr}");
    let (_, stderr) = refused("1.2.4", "https://charts.test");
    assert!(stderr.contains("it is not a gzipped tar"), "{stderr}");
    let (_, stderr) = refused("2.0.0", "https://charts.test");
    assert!(stderr.contains("it has no version 2.0.0 of web; it has 1.2.3, 1.2.4"), "{stderr}");
    // An image is no chart.
    world.push("charts/web", "1.2.3", 30, &["amd64"]).await;
    let (_, stderr) = refused("1.2.3", "oci://registry.test/charts");
    assert!(stderr.contains("not a chart"), "{stderr}");
    assert!(!world.path("one.tar").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn kk_is_carried_and_locked_as_any_component() {
    let world = World::new().await;
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    let spec = format!("{{arches: [amd64, arm64], components: {{kk: {{version: {version}}}}}}}}}");
    world.write("manifest.yaml", &format!("{HEAD} {spec}"));
    let (code, stderr) = failure(world.export(&["-o", "one.tar"]));
    assert!(code == 3 && stderr.contains("name its file with --kk "), "{code} {stderr}");
    world.write("amd", "kk for amd64");
    world.write("arm", "kk for arm64");
    let both = ["-o", "one.tar", "--kk", "amd64=amd", "--kk", "arm64=arm", "--yes"];
    success(world.export(&both));
    let seen = inventory(&world, "one.tar");
    assert_eq!(
        paths(&seen, "components"),
        [format!("files/kk/{version}/amd64/kk"), format!("files/kk/{version}/arm64/kk")]
    );
    world.write("arm", "another kk for arm64");
    let (code, stderr) = failure(world.export(&both));
    assert!(code == 6 && stderr.contains("has the digest") && stderr.contains("--update-lock"), "{code} {stderr}");
    // The one that runs, where it will do.
    let own = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    world.write("manifest.yaml", &format!("{HEAD} {}", spec.replace("[amd64, arm64]", &format!("[{own}]"))));
    success(world.export(&["-o", "own.tar", "--update-lock"]));
    let seen = inventory(&world, "own.tar");
    let digest = Digest::of(&fs::read(env!("CARGO_BIN_EXE_kk")).unwrap());
    assert_eq!(seen["components"][0]["sha256"], json!(digest));
}

const CLUSTER: &str = "
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata: {name: site}
spec:
  hosts: [{name: node1, address: 198.51.100.11}]
  roleGroups: {etcd: [node1], control-plane: [node1], worker: [node1], registry: [node1]}
  kubernetes: {version: v1.35.4}
  network: {plugin: none}
  registry: {privateRegistry: registry.example.org}
  addons:
    - {name: shop, namespace: shop, sources: {chart: {name: web, version: 1.2.3, values: [replicas=2]}}}
    - {name: plain, sources: {yaml: {path: [plain.yaml]}}}
";

/// A script in place of helm, which says how it was called.
const HELM: &str = "#!/bin/sh
for word; do last=$word; done
echo '# '\"$@\"
case \"$*\" in *replicas=2*) set=1;; *) set=0;; esac
cat <<END
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {initContainers: [{image: 'registry.test/team/init:v1'}], containers: [{image: 'registry.test/team/app:v1'}]}}}
---
kind: ConfigMap
metadata: {name: more}
data: {image: 'registry.test/team/other:v1'}
END
test $set = 1
";

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_held_against_a_cluster_file() {
    let world = World::new().await;
    world.write("cluster.yaml", CLUSTER);
    world.write(
        "plain.yaml",
        "kind: Pod\nmetadata: {name: p}\nspec: {containers: [{image: 'registry.test/team/gone:v9'}]}\n",
    );
    fs::write(world.path("web.tgz"), chart("web", "1.2.3")).unwrap();
    let helm = tgz(&[("linux-amd64/helm", HELM), ("linux-arm64/helm", HELM)]);
    let sum = format!("{}  helm-v3.22.0-linux-amd64.tar.gz\n", Digest::of(&helm).hex());
    world.files.put("/get.helm.sh/helm-v3.22.0-linux-amd64.tar.gz", helm);
    world.files.put("/get.helm.sh/helm-v3.22.0-linux-amd64.tar.gz.sha256sum", sum);
    let manifest = |components: &str| {
        let charts = "charts: [{name: web, version: 1.2.3, path: web.tgz}]";
        let images = "images: ['registry.test/team/app:v1', 'registry.test/team/other:v1']";
        world.write("manifest.yaml", &format!("{HEAD} {{arches: [amd64], {components} {charts}, {images}}}}}"));
    };
    let kubeadm = "#!/bin/sh\necho registry.k8s.io/kube-apiserver:v1.35.4\necho registry.k8s.io/pause:3.10.1\n";
    for name in ["kubeadm", "kubelet", "kubectl"] {
        world.files.put(&format!("/dl.k8s.io/release/v1.35.4/bin/linux/amd64/{name}"), kubeadm);
    }
    manifest(
        "kubernetesDistributions: [{type: kubernetes, version: v1.35.4}], components: {helm: {version: v3.22.0}},",
    );
    success(world.export(&["-o", "one.tar", "--sbom", "none"]));
    let checked = world.run(&["artifact", "check", "-a", "one.tar", "-f", "cluster.yaml", "--output", "json"]);
    assert_eq!(checked.status.code(), Some(4), "{}", String::from_utf8_lossy(&checked.stderr));
    let out = String::from_utf8(checked.stdout).unwrap();
    let report: Value = out
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|one| one.get("missing").is_some())
        .or_else(|| serde_json::from_str(&out).ok())
        .unwrap_or_else(|| panic!("{out}"));
    let listed = |list: &str| -> Vec<String> {
        report[list].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap().to_owned()).collect()
    };
    let missing = listed("missing");
    for what in [
        "component containerd for amd64",
        "image registry.test/team/init:v1",
        "image registry.test/team/gone:v9",
        "image registry.k8s.io/pause",
        "image registry.k8s.io/pause:3.10.1",
    ] {
        assert!(missing.contains(&what.to_owned()), "{what} of {missing:#?}");
    }
    assert!(!missing.iter().any(|what| what.contains("team/app")), "{missing:#?}");
    assert!(listed("found").contains(&"chart web 1.2.3".to_owned()), "{report:#}");
    assert_eq!(listed("maybe"), ["image registry.test/team/other:v1"]);
    let app = report["found"].as_array().unwrap().iter().find(|one| one["what"] == "image registry.test/team/app:v1");
    let inventory = inventory(&world, "one.tar");
    assert_eq!(app.unwrap()["digest"], inventory["images"][0]["platforms"][0]["manifest"]);

    // The same before anything is packed.
    let (code, stderr) = failure(world.export(&["-o", "two.tar", "-f", "cluster.yaml"]));
    assert!(
        code == 4 && stderr.contains("image registry.test/team/init:v1 (addon shop: Deployment web)"),
        "{code} {stderr}"
    );
    assert!(!world.path("two.tar").exists());

    // Without helm it is a guess, and said to be one.
    manifest("");
    success(world.export(&["-o", "three.tar", "--sbom", "none"]));
    let text = world.run(&["artifact", "check", "-a", "three.tar", "-f", "cluster.yaml"]);
    let (stdout, stderr) = (String::from_utf8(text.stdout).unwrap(), String::from_utf8(text.stderr).unwrap());
    assert!(stderr.contains("has no helm for"), "{stderr}");
    assert!(stdout.contains("registry.test/team/web:v1  no"), "{stdout}");
}

/// Real Helm, where the end-to-end tests have built one.
#[tokio::test(flavor = "multi_thread")]
async fn charts_are_rendered_by_helm_itself() {
    let built = std::env::home_dir()
        .map(|home| home.join(".cache/kk/upstream/www/get.helm.sh/helm-v3.22.0-linux-amd64.tar.gz"));
    let Some(archive) = built.filter(|path| path.is_file() && cfg!(target_arch = "x86_64")) else {
        eprintln!("skipped: scripts/upstream has not built helm here");
        return;
    };
    let helm = kk::chart::Helm::unpack(fs::File::open(archive).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
        fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
    };
    write("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.3\nkubeVersion: '>= 1.30.0-0'\n");
    write("values.yaml", "tag: v1\n");
    write(
        "templates/a.yaml",
        "kind: Pod\nmetadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}\nspec: {containers: [{image: 'quay.io/x/web:{{ .Values.tag }}'}]}\n",
    );
    let packed = kk::chart::folder::pack(folder.path()).unwrap();
    let chart = helm.keep("web.tgz", packed.as_slice()).unwrap();
    let mut release =
        kk::chart::Release { name: "shop", namespace: "prod", kubernetes: "v1.35.4", ..Default::default() };
    release.set = vec!["tag=v2".into()];
    let text = helm.template(&chart, &release).await.unwrap();
    let (found, faults) = kk::chart::images::in_yaml(&text);
    assert!(faults.is_empty(), "{faults:?}");
    let found: Vec<String> = found.into_iter().map(|one| format!("{} {}", one.image, one.place)).collect();
    assert_eq!(found, ["quay.io/x/web:v2 Pod prod/shop"]);
    // A chart that does not fit says so in Helm's words.
    release.kubernetes = "v1.20.0";
    let error = helm.template(&chart, &release).await.unwrap_err().to_string();
    assert!(error.contains("kubeVersion"), "{error}");
}
