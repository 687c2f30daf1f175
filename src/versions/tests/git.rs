//! Git.

use super::bench::{Server, git, has, run, write};
use super::*;
use crate::ids::VersionSystem;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

/// A bare repository with two commits of a film, a server, and an artist's clone.
struct Film {
    folder: tempfile::TempDir,
    server: Server,
    work: PathBuf,
    commits: [String; 2],
}

const BLEND: &str = "shots/010/scene ü.blend";

impl Film {
    fn new() -> Option<Self> {
        if !has(&["git"]) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        git(&base, &["init", "--quiet", "--bare", "film.git"]);
        let arguments = ["daemon", "--inetd", "--export-all", "--enable=receive-pack"].map(str::to_owned);
        let base_path = format!("--base-path={}", base.display());
        let server = Server::start("git", &[&arguments[..], &[base_path]].concat());
        let address = format!("git://127.0.0.1:{}/film.git", server.port);
        git(&base, &["clone", "--quiet", &address, "work"]);
        let mut film = Self {
            work: base.join("work"),
            folder,
            server,
            commits: [String::new(), String::new()],
        };
        write(film.work.join(BLEND), "scene 1");
        write(film.texture(), "wood");
        write(film.work.join("shots/011 [b]/other.blend"), "other");
        write(film.work.join("notes.txt"), "notes");
        film.commits[0] = film.commit();
        write(film.work.join(BLEND), "scene 2");
        film.commits[1] = film.commit();
        git(&film.work, &["push", "--quiet", "-u", "origin", "HEAD:main"]);
        Some(film)
    }

    fn commit(&self) -> String {
        git(&self.work, &["add", "--all"]);
        git(&self.work, &["commit", "--quiet", "-m", "step"]);
        git(&self.work, &["rev-parse", "HEAD"])
    }

    fn blend(&self) -> PathBuf {
        self.work.join(BLEND)
    }

    fn texture(&self) -> PathBuf {
        self.work.join("shots/010/tex/wood.png")
    }

    /// The clone's commit at this place, wherever it may be.
    fn source(&self, commit: &str) -> Source {
        Source {
            system: VersionSystem::Git,
            remote: format!("git://127.0.0.1:{}/film.git", self.server.port).parse().unwrap(),
            revision: commit.parse().unwrap(),
            folder: None,
        }
    }

    async fn refused(&self) -> String {
        let guess = guessed(&self.blend()).await;
        proved(&guess, &[self.texture()]).await.unwrap_err().to_string()
    }
}

#[tokio::test]
async fn where_a_file_lies_is_guessed_and_what_it_needs_is_sent_as_a_commit() {
    let Some(film) = Film::new() else { return };
    let guess = guessed(&film.blend()).await;
    let source = film.source(&film.commits[1]);
    assert_eq!(guess.system, VersionSystem::Git);
    assert_eq!((&guess.remote, &guess.revision), (&source.remote, &source.revision));
    assert_eq!((guess.working_copy.clone(), guess.main.as_str()), (film.work.clone(), BLEND));
    let proof = proved(&guess, &[film.texture()]).await.unwrap();
    assert_eq!((proof.remote, proof.revision), (source.remote, source.revision));

    let told = async |wish: VersionWish| super::guess(&film.blend(), &wish, &Watch::default()).await;
    let wish = |revision: &str| VersionWish {
        revision: Some(revision.to_owned()),
        ..VersionWish::default()
    };
    assert_eq!(told(wish("HEAD~1")).await.unwrap().revision.as_str(), film.commits[0]);
    for name in ["nowhere", "--all", "", "-1"] {
        let error = told(wish(name)).await.unwrap_err().to_string();
        assert!(error.contains("no revision"), "{error}");
    }

    // A remote that is a folder is told as a URL, one with a login without it.
    let base = film.folder.path().canonicalize().unwrap();
    git(&film.work, &["remote", "set-url", "origin", "../film.git"]);
    let local = guessed(&film.blend()).await.remote;
    assert_eq!(local.as_str(), format!("file://{}/film.git", base.display()));
    git(
        &film.work,
        &["remote", "set-url", "origin", "https://anna:secret@example.org/film.git"],
    );
    assert_eq!(guessed(&film.blend()).await.remote.as_str(), "https://example.org/film.git");
    git(&film.work, &["remote", "remove", "origin"]);
    let error = told(VersionWish::default()).await.unwrap_err().to_string();
    assert!(error.contains("has no remote"), "{error}");
    let loose = write(base.join("loose.blend"), "x");
    let error = super::guess(&loose, &VersionWish::default(), &Watch::default())
        .await
        .unwrap_err();
    assert!(error.message.contains("lies in no working copy"), "{error}");
}

#[tokio::test]
async fn what_differs_from_the_commit_is_told_by_name_before_anything_is_sent() {
    let Some(film) = Film::new() else { return };
    let guess = guessed(&film.blend()).await;
    let earlier = VersionGuess {
        revision: film.commits[0].parse().unwrap(),
        ..guess.clone()
    };
    let error = prove(&earlier, &[], true, &Watch::default()).await.unwrap_err();
    assert!(error.message.contains("scene ü.blend is not as in the revision"), "{error}");

    write(film.texture(), "changed");
    let told = film.refused().await;
    assert!(told.contains("tex/wood.png is not as in the revision"), "{told}");
    let later = film.commit();
    let told = film.refused().await;
    assert!(told.contains(&format!("the revision {later} is not at git://")), "{told}");
    let loose = write(film.work.join("loose.png"), "x");
    let error = proved(&guess, &[loose]).await.unwrap_err().to_string();
    assert!(error.contains("loose.png is not in the revision"), "{error}");
    let outside = write(film.folder.path().join("outside.png"), "x");
    let error = proved(&guess, &[outside]).await.unwrap_err().to_string();
    assert!(error.contains("outside.png lies outside of the working copy"), "{error}");
    git(&film.work, &["push", "--quiet", "origin", "HEAD:later"]);
    git(&film.work, &["update-ref", "-d", "refs/remotes/origin/later"]);
    proved(&guessed(&film.blend()).await, &[film.texture()]).await.unwrap();
}

#[tokio::test]
async fn a_slave_keeps_its_copy_and_moves_it_only_for_another_commit() {
    let Some(film) = Film::new() else { return };
    let home = tempfile::tempdir().unwrap();
    let kept = copies(home.path());
    let [first, second] = [&film.commits[0], &film.commits[1]].map(|commit| film.source(commit));
    let copy = kept.check_out(job(1), &first, &|_| ()).await.unwrap();
    let folder = copy.folder();
    assert_eq!(read(folder.join(BLEND)), "scene 1");
    let texture = inode(folder.join("shots/010/tex/wood.png"));
    write(folder.join("shots/010/blendcache_scene/left.bphys"), "x");
    write(folder.join(BLEND), "changed");
    write(folder.join(".git/index.lock"), "of a git that was killed");
    drop(copy);

    let calls = film.server.calls();
    let copy = kept.check_out(job(2), &first, &|_| ()).await.unwrap();
    assert_eq!(film.server.calls(), calls, "the server was asked for what is here");
    assert_eq!(read(copy.folder().join(BLEND)), "scene 1");
    assert_eq!(names(&folder.join("shots/010")), ["scene ü.blend", "tex"]);
    drop((copy, kept));

    let kept = copies(home.path());
    for (source, content) in [(&second, "scene 2"), (&first, "scene 1"), (&second, "scene 2")] {
        let copy = kept.check_out(job(3), source, &|_| ()).await.unwrap();
        assert_eq!((copy.folder(), read(folder.join(BLEND)).as_str()), (folder.clone(), content));
        assert_eq!(
            inode(folder.join("shots/010/tex/wood.png")),
            texture,
            "an unchanged file was written again"
        );
    }
    assert_eq!(film.server.calls(), calls + 1, "each commit is fetched once");

    // Only what is asked for lies there; another folder of the same commit comes beside it, without a call.
    let calls = film.server.calls();
    let mut part = second.clone();
    for (wanted, there) in [
        (Some("shots/011 [b]"), &["011 [b]"][..]),
        (Some("shots/010"), &["010", "011 [b]"]),
        (None, &["010", "011 [b]"]),
    ] {
        part.folder = wanted.map(|folder| folder.parse().unwrap());
        drop(
            copies(&home.path().join("part"))
                .check_out(job(4), &part, &|_| ())
                .await
                .unwrap(),
        );
        let root = home.path().join("part/versions/1/files");
        assert_eq!(names(&root.join("shots")), there);
        assert_eq!(root.join("notes.txt").exists(), wanted.is_none());
    }
    assert_eq!(film.server.calls(), calls + 1);
    part.folder = Some("shots/012".parse().unwrap());
    let told = refusal(&kept, &part).await;
    assert!(told.contains("no folder shots/012 in revision"), "{told}");

    // A copy that is no repository any more, also not one of a folder around it.
    std::fs::remove_dir_all(folder.join(".git")).unwrap();
    git(home.path(), &["init", "--quiet"]);
    drop(kept.check_out(job(4), &first, &|_| ()).await.unwrap());
    assert_eq!(read(folder.join(BLEND)), "scene 1");
    write(folder.join(".git/index"), "damaged");
    drop(kept.check_out(job(4), &first, &|_| ()).await.unwrap());
    assert_eq!(read(folder.join(BLEND)), "scene 1");
}

#[tokio::test]
async fn jobs_at_the_same_time_have_copies_of_their_own_and_slots_of_one_job_share_one() {
    let Some(film) = Film::new() else { return };
    let home = tempfile::tempdir().unwrap();
    let kept = copies(home.path());
    let [first, second] = [&film.commits[0], &film.commits[1]].map(|commit| film.source(commit));
    let (tell, other) = (|_: &str| (), |_: &str| ());
    let (one, two) = tokio::join!(kept.check_out(job(1), &first, &tell), kept.check_out(job(1), &first, &other));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.folder(), two.folder());
    let three = kept.check_out(job(2), &second, &tell).await.unwrap();
    let four = kept.check_out(job(3), &first, &tell).await.unwrap();
    assert_eq!(
        read(one.folder().join(BLEND)) + &read(three.folder().join(BLEND)),
        "scene 1scene 2"
    );
    assert!(four.folder() != one.folder() && four.folder() != three.folder());
    drop((one, two));
    let five = kept.check_out(job(4), &second, &tell).await.unwrap();
    assert_eq!(names(&home.path().join("versions")).len(), 3, "a free copy was not taken");
    assert_eq!(read(five.folder().join(BLEND)), "scene 2");
}

#[tokio::test]
async fn each_failure_has_its_sentence() {
    let Some(film) = Film::new() else { return };
    let home = tempfile::tempdir().unwrap();
    let kept = copies(home.path());
    let nobody = "0123456789abcdef0123456789abcdef01234567";
    let told = refusal(&kept, &film.source(nobody)).await;
    assert!(told.contains(&format!("has no revision {nobody}")), "{told}");
    let good = film.source(&film.commits[1]);
    let at = |remote: String| Source {
        remote: remote.parse().unwrap(),
        ..good.clone()
    };
    let told = refusal(&kept, &at(format!("git://127.0.0.1:{}/none.git", film.server.port))).await;
    assert!(told.contains("there is no Git repository at"), "{told}");
    let base = film.folder.path().canonicalize().unwrap();
    let local = at(format!("file://{}/film.git", base.display()));
    let copy = kept.check_out(job(2), &local, &|_| ()).await.unwrap();
    assert_eq!(read(copy.folder().join(BLEND)), "scene 2");
    let closed = Copies::open(&home.path().join("closed"), false).unwrap();
    let told = refusal(&closed, &local).await;
    assert!(told.contains("does not read repositories of its own disk"), "{told}");

    // A server that wants a login, as far as git lets it come.
    let answer = "#!/bin/sh\nread line\nprintf 'HTTP/1.1 401 Unauthorized\\r\\nWWW-Authenticate: Basic realm=\"film\"\\r\\n\
                  Content-Length: 0\\r\\nConnection: close\\r\\n\\r\\n'\nwhile read line && [ ${#line} -gt 1 ]; do :; done\n";
    let script = write(base.join("locked.sh"), answer);
    let locked = Server::start("sh", &[script.display().to_string()]);
    let told = refusal(&kept, &at(format!("http://127.0.0.1:{}/film.git", locked.port))).await;
    assert!(
        told.contains("asks for a login that git does not have on this machine"),
        "{told}"
    );

    drop(film.server);
    let told = refusal(&kept, &good).await;
    assert!(told.contains("does not answer"), "{told}");
}

#[tokio::test]
async fn nothing_that_a_repository_says_is_run() {
    let Some(film) = Film::new() else { return };
    let base = film.folder.path().canonicalize().unwrap();
    let trap = base.join("trapped");
    let program = format!("ext::sh -c touch% {}", trap.display());
    git(&film.work, &["remote", "set-url", "origin", &program]);
    let error = guess(&film.blend(), &VersionWish::default(), &Watch::default())
        .await
        .unwrap_err();
    assert!(
        error.message.contains("the address of the repository cannot be used"),
        "{error}"
    );

    // A harmless address that the repository's settings turn into a program.
    git(&film.work, &["remote", "set-url", "origin", "https://example.org/film.git"]);
    let mut guess = guessed(&film.blend()).await;
    git(
        &film.work,
        &["config", &format!("url.{program}.insteadOf"), "https://example.org/film.git"],
    );
    let error = proved(&guess, &[]).await.unwrap_err();
    assert!(error.message.contains("git does not go to"), "{error}");
    guess.remote = "ssh://127.0.0.1/--upload-pack=touch".parse().unwrap();
    assert!(guess.remote.is_ssh());

    // Hooks that somebody left in the copy.
    let home = tempfile::tempdir().unwrap();
    let kept = copies(home.path());
    let copy = kept.check_out(job(1), &film.source(&film.commits[0]), &|_| ()).await.unwrap();
    let hook = write(
        copy.folder().join(".git/hooks/post-checkout"),
        &format!("#!/bin/sh\ntouch {}\n", trap.display()),
    );
    run(&base, "chmod", &["+x", &hook.display().to_string()]);
    drop(copy);
    drop(kept.check_out(job(1), &film.source(&film.commits[1]), &|_| ()).await.unwrap());
    assert!(!trap.exists(), "a program was run");
}

#[tokio::test]
async fn large_files_that_this_machine_cannot_fetch_are_refused() {
    let Some(film) = Film::new() else { return };
    let configured = std::process::Command::new("git")
        .args(["config", "--get", "filter.lfs.process"])
        .output();
    if configured.unwrap().status.success() {
        return;
    }
    write(film.work.join(".gitattributes"), "*.png filter=lfs\n");
    let commit = film.commit();
    git(&film.work, &["push", "--quiet", "origin", "HEAD:main"]);
    let home = tempfile::tempdir().unwrap();
    let told = refusal(&copies(home.path()), &film.source(&commit)).await;
    assert!(told.contains("Git LFS, which this machine lacks"), "{told}");
}

#[tokio::test]
async fn a_check_out_that_is_given_up_ends_git_at_once_and_frees_the_copy() {
    let Some(film) = Film::new() else { return };
    let home = tempfile::tempdir().unwrap();
    let kept = copies(home.path());
    // A server that never says a word.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut source = film.source(&film.commits[0]);
    source.remote = format!("git://127.0.0.1:{port}/film.git").parse().unwrap();
    let asked = {
        let kept = kept.clone();
        tokio::spawn(async move { kept.check_out(job(1), &source, &|_| ()).await.map(drop) })
    };
    let mut caller = tokio::task::spawn_blocking(move || silent.accept().unwrap().0).await.unwrap();
    asked.abort();
    caller.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let heard = tokio::task::spawn_blocking(move || std::io::copy(&mut caller.by_ref(), &mut std::io::sink())).await;
    assert!(heard.unwrap().is_ok(), "git goes on though nobody waits for it");
}
