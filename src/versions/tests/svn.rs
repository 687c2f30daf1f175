//! Subversion.

use super::bench::{Server, has, run, write};
use super::*;
use crate::ids::VersionSystem;

/// A repository with two revisions of a film, a server, and an artist's working copy.
struct Film {
    folder: tempfile::TempDir,
    server: Server,
    work: PathBuf,
}

const BLEND: &str = "shots/010/scene@2 ü.blend";

impl Film {
    fn new() -> Option<Self> {
        if !has(&["svn", "svnserve", "svnadmin"]) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        run(&base, "svnadmin", &["create", "film"]);
        let conf = "[general]\nanon-access = write\n";
        write(base.join("film/conf/svnserve.conf"), conf);
        let arguments = ["-i".to_owned(), "-r".to_owned(), base.display().to_string()];
        let server = Server::start("svnserve", &arguments);
        let address = format!("svn://127.0.0.1:{}/film", server.port);
        run(&base, "svn", &["checkout", "-q", &address, "work"]);
        let film = Self {
            work: base.join("work"),
            folder,
            server,
        };
        write(film.work.join(BLEND), "scene 1");
        write(film.work.join("shots/010/tex/wood.png"), "wood");
        write(film.work.join("shots/011/other.blend"), "other");
        film.svn(&["add", "-q", "shots"]);
        film.commit();
        film.svn(&["update", "-q"]);
        write(film.work.join(BLEND), "scene 2");
        film.commit();
        Some(film)
    }

    fn svn(&self, arguments: &[&str]) {
        run(&self.work, "svn", arguments);
    }

    fn commit(&self) {
        self.svn(&["commit", "-q", "-m", "step", "--username", "anna"]);
    }

    fn blend(&self) -> PathBuf {
        self.work.join(BLEND)
    }

    fn texture(&self) -> PathBuf {
        self.work.join("shots/010/tex/wood.png")
    }

    async fn source(&self, revision: &str) -> Source {
        let mut source = proved(&guessed(&self.blend()).await, &[self.texture()]).await.unwrap();
        source.revision = revision.parse().unwrap();
        source
    }

    async fn refused(&self) -> String {
        let guess = guessed(&self.blend()).await;
        proved(&guess, &[self.texture()]).await.unwrap_err().to_string()
    }
}

#[tokio::test]
async fn where_a_file_lies_is_guessed_and_what_it_needs_is_sent_as_a_revision() {
    let Some(film) = Film::new() else { return };
    let guess = guessed(&film.blend()).await;
    assert_eq!(guess.system, VersionSystem::Subversion);
    assert_eq!(guess.remote.as_str(), format!("svn://127.0.0.1:{}/film", film.server.port));
    assert_eq!((guess.working_copy.clone(), guess.main.as_str()), (film.work.clone(), BLEND));
    // The scene was committed by itself: it is at revision 2, the texture at 1.
    assert_eq!(guess.revision.as_str(), "2");
    let source = proved(&guess, &[film.texture()]).await.unwrap();
    assert_eq!(source.revision.as_str(), "2");
    assert_eq!(source.folder.unwrap().as_str(), "shots/010");

    let wish = VersionWish {
        revision: Some("HEAD".to_owned()),
        working_copy: Some(film.work.join("shots")),
        ..VersionWish::default()
    };
    let guess = super::guess(&film.blend(), &wish, &Watch::default()).await.unwrap();
    assert!(guess.remote.as_str().ends_with("/film/shots") && guess.revision.as_str() == "2");
    assert_eq!(guess.main.as_str(), "010/scene@2 ü.blend");
}

#[tokio::test]
async fn what_differs_from_the_revision_is_told_by_name_before_anything_is_sent() {
    let Some(film) = Film::new() else { return };
    let guess = guessed(&film.blend()).await;
    let exact = VersionGuess {
        revision: "1".parse().unwrap(),
        ..guess.clone()
    };
    let error = prove(&exact, &[film.texture()], true, &Watch::default()).await.unwrap_err();
    assert!(
        error.message.contains("scene@2 ü.blend is not as in the revision 1"),
        "{error}"
    );
    let later = VersionGuess {
        revision: "99".parse().unwrap(),
        ..guess.clone()
    };
    let error = prove(&later, &[film.texture()], true, &Watch::default()).await.unwrap_err();
    assert!(error.message.contains("has no revision 99"), "{error}");

    write(film.texture(), "changed");
    let told = film.refused().await;
    assert!(told.contains("tex/wood.png is not as in the revision 2"), "{told}");
    film.svn(&["revert", "-q", "-R", "."]);

    let (loose, added) = (
        write(film.work.join("loose/new.png"), "x"),
        write(film.work.join("shots/added.png"), "x"),
    );
    film.svn(&["add", "-q", "shots/added.png"]);
    let error = proved(&guess, &[loose, added]).await.unwrap_err().to_string();
    assert!(
        error.contains("loose/new.png, shots/added.png are not in the revision 2"),
        "{error}"
    );

    let outside = write(film.folder.path().join("outside.png"), "x");
    let error = proved(&guess, &[outside]).await.unwrap_err().to_string();
    assert!(error.contains("outside.png lies outside of the working copy"), "{error}");
}

#[tokio::test]
async fn a_slave_keeps_its_copy_and_moves_it_only_for_another_revision() {
    let Some(film) = Film::new() else { return };
    let home = tempfile::tempdir().unwrap();
    let kept = copies(home.path());
    let (first, second) = (film.source("1").await, film.source("2").await);
    let copy = kept.check_out(job(1), &first, &|_| ()).await.unwrap();
    let folder = copy.folder();
    assert_eq!(read(folder.join(BLEND)), "scene 1");
    assert_eq!(names(&folder.join("shots")), ["010"], "only the wanted folder");
    let texture = inode(folder.join("shots/010/tex/wood.png"));
    // What a job leaves is gone for the next one.
    write(folder.join("shots/010/blendcache_scene/left.bphys"), "x");
    write(folder.join(BLEND), "changed");
    drop(copy);

    let calls = film.server.calls();
    let copy = kept.check_out(job(2), &first, &|_| ()).await.unwrap();
    assert_eq!(film.server.calls(), calls, "the server was asked for what is here");
    assert_eq!(read(copy.folder().join(BLEND)), "scene 1");
    assert_eq!(names(&folder.join("shots/010")), ["scene@2 ü.blend", "tex"]);
    drop(copy);

    // Also after a restart.
    drop(kept);
    let kept = copies(home.path());
    for (source, content) in [(&second, "scene 2"), (&first, "scene 1"), (&second, "scene 2")] {
        let copy = kept.check_out(job(3), source, &|_| ()).await.unwrap();
        assert_eq!((copy.folder(), read(folder.join(BLEND)).as_str()), (folder.clone(), content));
        assert_eq!(
            inode(folder.join("shots/010/tex/wood.png")),
            texture,
            "an unchanged file was fetched again"
        );
    }

    // Another folder of the same revision comes beside it.
    let mut wide = second.clone();
    wide.folder = Some("shots/011".parse().unwrap());
    drop(kept.check_out(job(4), &wide, &|_| ()).await.unwrap());
    assert_eq!(names(&folder.join("shots")), ["010", "011"]);
    wide.folder = Some("shots/012".parse().unwrap());
    let told = refusal(&kept, &wide).await;
    assert!(told.contains("no folder shots/012 in revision 2"), "{told}");
}

#[tokio::test]
async fn a_damaged_copy_is_made_anew() {
    let Some(film) = Film::new() else { return };
    let home = tempfile::tempdir().unwrap();
    let kept = copies(home.path());
    let source = film.source("2").await;
    let copy = kept.check_out(job(1), &source, &|_| ()).await.unwrap();
    let folder = copy.folder();
    drop(copy);
    write(folder.join(".svn/wc.db"), "no database");
    drop(kept.check_out(job(1), &source, &|_| ()).await.unwrap());
    assert_eq!(read(folder.join(BLEND)), "scene 2");
    std::fs::remove_dir_all(folder.join(".svn")).unwrap();
    drop(kept.check_out(job(1), &source, &|_| ()).await.unwrap());
    assert_eq!(read(folder.join(BLEND)), "scene 2");
}

#[tokio::test]
async fn each_failure_has_its_sentence() {
    let Some(film) = Film::new() else { return };
    let home = tempfile::tempdir().unwrap();
    let kept = copies(home.path());
    let source = film.source("2").await;
    let mut wrong = source.clone();
    wrong.revision = "99".parse().unwrap();
    let told = refusal(&kept, &wrong).await;
    assert!(told.contains("has no revision 99"), "{told}");
    wrong.remote = source.remote.below("nowhere").unwrap();
    wrong.revision = source.revision.clone();
    let told = refusal(&kept, &wrong).await;
    assert!(told.contains("has no such folder in revision 2"), "{told}");
    wrong.revision = "0123456789abcdef0123456789abcdef01234567".parse().unwrap();
    let told = refusal(&kept, &wrong).await;
    assert!(told.contains("is nothing that Subversion knows"), "{told}");

    let local = Source {
        remote: format!("file://{}/film", film.folder.path().canonicalize().unwrap().display())
            .parse()
            .unwrap(),
        ..source.clone()
    };
    let closed = Copies::open(&home.path().join("closed"), false).unwrap();
    let told = refusal(&closed, &local).await;
    assert!(told.contains("does not read repositories of its own disk"), "{told}");
    let copy = kept.check_out(job(2), &local, &|_| ()).await.unwrap();
    assert_eq!(read(copy.folder().join(BLEND)), "scene 2");

    let conf = film.folder.path().join("film/conf");
    write(
        conf.join("svnserve.conf"),
        "[general]\nanon-access = none\npassword-db = passwd\n",
    );
    write(conf.join("passwd"), "[users]\nanna = secret\n");
    let told = refusal(&kept, &source).await;
    assert!(
        told.contains("asks for a login that svn does not have on this machine"),
        "{told}"
    );
    drop(film.server);
    let told = refusal(&kept, &source).await;
    assert!(told.contains("does not answer"), "{told}");
}
