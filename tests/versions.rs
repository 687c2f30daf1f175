//! Jobs that are a revision of Subversion or Git, on a whole farm: no file goes through the master.
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod parts;

use netrender::client::{Client, GatherRequest, Gathered, SubmitRequest};
use netrender::error::Result;
use netrender::ids::JobId;
use netrender::images;
use netrender::slave::Slave;
use netrender::versions::VersionWish;
use netrender::wire::{BanInfo, FrameInfo, Manifest, RenderSettings, Source};
use parts::farm::{Farm, PATIENCE, wait_until};
use parts::{FakeBlender, make_scene, or_skip, real_blenders, render_locally};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs a program to its good end.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn has_programs() -> bool {
    ["git", "svn", "svnadmin"]
        .iter()
        .all(|name| or_skip(Command::new(name).arg("--version").output().ok(), name).is_some())
}

/// Commits all that lies in a folder, which from then on is a working copy.
fn commit_to_git(folder: &Path, repository: &Path) {
    run(
        folder,
        "git",
        &["init", "-q", "--bare", "-b", "main", repository.to_str().unwrap()],
    );
    let own = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"];
    run(folder, "git", &["init", "-q", "-b", "main"]);
    run(folder, "git", &["add", "--all"]);
    run(folder, "git", &[&own[..], &["commit", "-q", "-m", "film"]].concat());
    run(folder, "git", &["remote", "add", "origin", repository.to_str().unwrap()]);
    run(folder, "git", &["push", "-q", "-u", "origin", "main"]);
}

fn commit_to_svn(folder: &Path, repository: &Path) {
    run(Path::new("/"), "svnadmin", &["create", repository.to_str().unwrap()]);
    let address = format!("file://{}", repository.display());
    run(folder, "svn", &["checkout", "-q", &address, "."]);
    run(folder, "svn", &["add", "-q", "--force", "."]);
    run(folder, "svn", &["commit", "-q", "-m", "film"]);
}

fn send(client: &Client, blend: &Path, blender: &Path) -> Result<JobId> {
    let request = SubmitRequest {
        blender: Some(blender.to_path_buf()),
        frames: Some("1-2".parse().unwrap()),
        version: Some(VersionWish::default()),
        ..SubmitRequest::new(blend.to_path_buf())
    };
    let submission = client.submit(request).unwrap();
    let job = submission.wait(PATIENCE)?.expect("it was not sent in time");
    assert_eq!(submission.progress().done, 0, "content of files was sent");
    Ok(job)
}

#[test]
fn a_scene_in_a_working_copy_renders_on_the_farm_as_it_does_locally() {
    if !has_programs() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(blender) = runtime.block_on(real_blenders()).into_iter().next() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().canonicalize().unwrap();
    let (git, svn, local) = (base.join("git"), base.join("svn"), base.join("local"));
    make_scene(&blender, "scenes/versioned.py", &git);
    let copied = Command::new("cp").arg("-r").arg(&git).arg(&svn).status().unwrap();
    assert!(copied.success());
    render_locally(&blender, &git.join("shot/main.blend"), &local, "1-2", &[]);
    commit_to_git(&git, &base.join("film.git"));
    commit_to_svn(&svn, &base.join("film.svn"));

    let farm = Farm::start();
    let mut options = farm.slave_options_of(blender.program.clone(), "one");
    options.allow_local_repositories = true;
    let _slave = Slave::start(options).unwrap();
    let client = farm.client();
    let refused = send(&client, &git.join("shot/absolute.blend"), &blender.program).unwrap_err();
    assert!(refused.message.contains("names files by absolute paths"), "{refused}");
    for (work, word) in [(&git, "film.git"), (&svn, "film.svn")] {
        let job = send(&client, &work.join("shot/main.blend"), &blender.program).unwrap();
        let (source, main) = client.source(job).unwrap().unwrap();
        assert!(
            source.remote.as_str().ends_with(word) && main.as_str() == "shot/main.blend",
            "{source:?}"
        );
        // What is rendered is the revision, not what lies on the artist's disk.
        std::fs::rename(work, work.with_extension("gone")).unwrap();
        farm.wait_for_end(job);
        let results = base.join(format!("results of {word}"));
        let gather = client
            .gather(GatherRequest {
                blender: None,
                job,
                folder: results.clone(),
                frames: None,
                follow: true,
                what: Gathered::Layers,
            })
            .unwrap();
        wait_until("the results are here", || gather.view().complete);
        for frame in ["000001.exr", "000002.exr"] {
            let difference = images::compare(&results.join(frame), &local.join(frame)).unwrap();
            assert!(difference.is_identical(), "{frame} of {word}: {difference:?}");
        }
        assert!(
            farm.log(job, 1, 1)
                .contains(&format!("revision {} of file://", source.revision))
        );
    }
}

/// A job of a revision that was announced by somebody who did not look.
fn announce(farm: &Farm, remote: &str, revision: &str) -> JobId {
    let manifest = Manifest {
        main: "shots/scene.blend".parse().unwrap(),
        files: Vec::new(),
        source: Some(Source {
            system: "git".parse().unwrap(),
            remote: remote.parse().unwrap(),
            revision: revision.parse().unwrap(),
            folder: None,
        }),
        artist_folder: None,
        settings: RenderSettings::default(),
        bakes: Vec::new(),
        bakes_from: None,
        baked: Vec::new(),
    };
    farm.announce(manifest, "1-2", 1).job
}

#[test]
fn a_revision_that_cannot_be_had_fails_with_its_sentence_and_the_next_job_is_rendered() {
    if !has_programs() {
        return;
    }
    let farm = Farm::start();
    let blender = FakeBlender::told("{}");
    let folder = tempfile::tempdir().unwrap();
    let work: PathBuf = folder.path().join("work");
    std::fs::create_dir_all(work.join("shots")).unwrap();
    std::fs::copy(blender.scene(), work.join("shots/scene.blend")).unwrap();
    commit_to_git(&work, &folder.path().join("film.git"));
    let commit = run(&work, "git", &["rev-parse", "HEAD"]);
    let remote = format!("file://{}/film.git", folder.path().display());
    let failure = |job: JobId, words: &str| {
        let told = |frame: &FrameInfo| frame.failure.as_deref().is_some_and(|failure| failure.contains(words));
        wait_until(words, || farm.frames(job).iter().any(told));
        farm.ask(async |link| link.delete(&format!("jobs/{job}")).await);
    };

    // No fault of the job: its slave is passed over, and no frame has failed.
    let slave = farm.slave(&blender, "careful");
    let passed_over = announce(&farm, &remote, &commit);
    let told = |ban: &BanInfo| ban.reason.contains("does not read repositories of its own disk");
    wait_until("the slave is passed over", || {
        let bans: Vec<BanInfo> = farm.ask(async |link| link.get(&format!("jobs/{passed_over}/blacklist")).await);
        bans.iter().any(told)
    });
    assert!(farm.frames(passed_over).iter().all(|frame| frame.failure.is_none()));
    farm.ask(async |link| link.delete(&format!("jobs/{passed_over}")).await);
    slave.stop(PATIENCE).unwrap();
    let mut options = farm.slave_options(&blender, "open");
    options.allow_local_repositories = true;
    let _slave = Slave::start(options).unwrap();
    let nobody = "0123456789abcdef0123456789abcdef01234567";
    failure(announce(&farm, &remote, nobody), &format!("has no revision {nobody}"));
    let good = announce(&farm, &remote, &commit);
    assert!(farm.wait_for_end(good).iter().all(|frame| frame.attempt == 1));
}
