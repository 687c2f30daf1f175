//! A master that speaks TLS: who trusts it, who does not, and what the others hear.

use crate::farm::{Farm, options};
use netrender::access::{FarmKey, KeySource, KnownMasters};
use netrender::error::{Code, Result};
use netrender::ids::Fingerprint;
use netrender::link::{Link, MasterAddress};
use netrender::master::{Access, Ssl};
use netrender::tls::{Notes, Trust, caller_config, self_signed};
use netrender::wire::JobInfo;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A farm whose master shows a certificate that lies in its folder.
fn farm() -> Farm {
    let folder = tempfile::tempdir().unwrap();
    let key = FarmKey::generate().unwrap();
    write_certificate(folder.path());
    let mut options = options(&folder.path().join("master"), &key);
    options.ssl = Some(Ssl::Files {
        certificate: folder.path().join("cert.pem"),
        key: None,
    });
    Farm::start_with(folder, options, key)
}

fn write_certificate(folder: &Path) {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    std::fs::write(folder.join("cert.pem"), self_signed(names.to_vec()).unwrap()).unwrap();
}

fn known(folder: &Path) -> KnownMasters {
    KnownMasters::in_file(folder.join("known-masters"))
}

/// Meets the master as a client or slave does.
fn meet(url: &str, key: &FarmKey, known: &KnownMasters) -> Result<Link> {
    let address: MasterAddress = url.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let link = Link::connect_knowing(&address, &KeySource::Given(key.clone()), known).await?;
        link.get::<Vec<JobInfo>>("jobs").await?;
        Ok(link)
    })
}

fn host(farm: &Farm) -> String {
    farm.master.url().replace("https://", "")
}

/// Says something without TLS, and reads the answer.
fn say_plainly(farm: &Farm, request: &str) -> String {
    let mut stream = TcpStream::connect(host(farm)).unwrap();
    stream.write_all(request.replace("HOST", &host(farm)).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_certificate_is_kept_at_the_first_meeting_and_a_change_is_refused() {
    let farm = farm();
    let known = known(farm.folder.path());
    let url = farm.master.url();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let first = meet(&url, &farm.key, &known).unwrap();
    assert_eq!(first.newly_trusted(), farm.master.fingerprint());
    let second = meet(&url, &farm.key, &known).unwrap();
    assert_eq!(
        (second.newly_trusted(), second.fingerprint()),
        (None, farm.master.fingerprint())
    );

    let old = farm.master.fingerprint().unwrap();
    write_certificate(farm.folder.path());
    farm.master.renew_certificate().unwrap();
    assert_ne!(farm.master.fingerprint(), Some(old));
    let error = meet(&url, &farm.key, &known).unwrap_err();
    assert_eq!(error.code, Code::Unauthorized);
    assert!(error.message.contains("shows another certificate"), "{error}");
    assert!(error.hint.unwrap().contains(&format!("netrender trust {url}")));
    assert_eq!(
        known.find(&host(&farm)).unwrap(),
        Some(old),
        "the change was kept though it was refused"
    );
}

#[test]
fn connections_that_are_open_outlive_a_renewal() {
    let farm = farm();
    farm.get("jobs").expect(200);
    write_certificate(farm.folder.path());
    farm.master.renew_certificate().unwrap();
    // This caller insists on the old certificate: it can only be over the old connection.
    farm.get("jobs").expect(200);
}

#[test]
fn a_certificate_that_cannot_be_used_changes_nothing_and_is_told() {
    let farm = farm();
    let shown = farm.master.fingerprint();
    std::fs::write(farm.folder.path().join("cert.pem"), "-----BEGIN nonsense").unwrap();
    assert!(farm.master.renew_certificate().is_err());
    assert_eq!(farm.master.fingerprint(), shown);
    farm.get("jobs").expect(200);
    let told: Vec<String> = farm.master.events().into_iter().map(|it| it.text).collect();
    assert!(
        told.iter().any(|text| text.contains("the certificate stays as it was")),
        "{told:?}"
    );
}

#[test]
fn a_renewed_file_is_taken_up_by_itself() {
    let farm = farm();
    let shown = farm.master.fingerprint();
    write_certificate(farm.folder.path());
    for _ in 0..600 {
        if farm.master.fingerprint() != shown {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the new certificate was not noticed");
}

/// Passes everything on between two TLS connections, as somebody in between would who has a certificate but not the key.
fn man_in_the_middle(real: String) -> (String, Fingerprint) {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path());
    let identity = netrender::tls::Identity {
        certificate: folder.path().join("cert.pem"),
        key: None,
    };
    let any_time = std::time::SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
    let certificates = netrender::tls::Certificates::open(identity, any_time).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (config, fingerprint) = certificates.current();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let pass_on = async {
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            let mut caller = tokio_rustls::TlsAcceptor::from(config).accept(stream).await.unwrap();
            let trust = caller_config(Trust::Note(Arc::new(Notes::default()))).unwrap();
            let stream = tokio::net::TcpStream::connect(&real).await.unwrap();
            let name = "localhost".try_into().unwrap();
            let connector = tokio_rustls::TlsConnector::from(Arc::new(trust));
            let mut master = connector.connect(name, stream).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut caller, &mut master).await;
        };
        runtime.block_on(pass_on);
    });
    (format!("https://localhost:{port}"), fingerprint)
}

#[test]
fn somebody_in_between_is_noticed_at_the_first_meeting_already() {
    let farm = farm();
    let (url, _) = man_in_the_middle(host(&farm));
    let known = known(farm.folder.path());
    let error = meet(&url, &farm.key, &known).unwrap_err();
    assert!(error.message.contains("could not prove that it has the key"), "{error}");
    assert_eq!(
        known.find(&url.replace("https://", "")).unwrap(),
        None,
        "a stranger's certificate was kept"
    );
}

#[test]
fn who_calls_without_tls_is_told_or_sent_on() {
    let farm = farm();
    let refused = say_plainly(&farm, "GET /api/v1/jobs HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n");
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    assert!(
        refused.contains("speaks https only") && refused.contains(&farm.master.url()),
        "{refused}"
    );
    let posted = say_plainly(
        &farm,
        "POST /login HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    );
    assert!(posted.starts_with("HTTP/1.1 400"), "{posted}");
    let browser = say_plainly(
        &farm,
        "GET /html/job/x?offset=1 HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
    );
    let place = format!("location: {}/html/job/x?offset=1", farm.master.url());
    assert!(browser.starts_with("HTTP/1.1 307") && browser.contains(&place), "{browser}");
    let foreign = say_plainly(&farm, "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert!(foreign.starts_with("HTTP/1.1 401"), "{foreign}");
    let garbage = say_plainly(&farm, "\0\0\0 garbage\r\n\r\n");
    assert!(garbage.starts_with("HTTP/1.1 400"), "{garbage}");

    let plain = format!("http://{}", host(&farm));
    let error = meet(&plain, &farm.key, &known(farm.folder.path())).unwrap_err();
    assert!(error.message.contains("speaks https only"), "{error}");
}

#[test]
fn who_wants_tls_of_a_master_without_is_told() {
    let farm = Farm::start();
    let url = farm.master.url().replace("http://", "https://");
    let error = meet(&url, &farm.key, &known(farm.folder.path())).unwrap_err();
    assert!(error.message.contains("does not speak TLS"), "{error}");
    assert!(error.hint.unwrap().contains(&farm.master.url()));
}

#[test]
fn the_cookie_of_a_secure_page_stays_on_secure_pages() {
    let farm = farm();
    let log_in = |origin: &str| {
        let request = farm.bare_request("POST", "/login").header("origin", origin);
        farm.send(request.body(format!("key={}", farm.key)))
    };
    let entered = log_in(&farm.master.url()).expect(303);
    assert!(entered.headers["set-cookie"].to_str().unwrap().contains("; Secure"));
    let plain = farm.master.url().replace("https://", "http://");
    assert_eq!(log_in(&plain).status, 303);
    assert!(
        !log_in(&plain).headers.contains_key("set-cookie"),
        "a page without TLS spoke for one with it"
    );
}

#[test]
fn an_open_master_with_another_certificate_is_refused_too() {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path());
    let key = FarmKey::generate().unwrap();
    let mut options = options(&folder.path().join("master"), &key);
    options.access = Access::Open;
    options.ssl = Some(Ssl::Files {
        certificate: folder.path().join("cert.pem"),
        key: None,
    });
    let farm = Farm::start_with(folder, options, key);
    let known = known(farm.folder.path());
    let url: MasterAddress = farm.master.url().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let meet = || runtime.block_on(Link::connect_knowing(&url, &KeySource::Kept, &known));
    assert!(meet().unwrap().is_open());
    write_certificate(farm.folder.path());
    farm.master.renew_certificate().unwrap();
    assert!(meet().unwrap_err().message.contains("shows another certificate"));
}

#[test]
fn a_certificate_that_the_systems_roots_vouch_for_is_kept_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = |name: &str| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        (params, rcgen::KeyPair::generate().unwrap())
    };
    let (params, key) = issuer("authority");
    let authority = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
    let (params, key) = issuer("its office");
    let office = rcgen::CertifiedIssuer::signed_by(params, key, &authority).unwrap();
    let own_key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let own = own.signed_by(&own_key, &office).unwrap().pem();
    // The authority itself is the caller's to know.
    std::fs::write(folder.path().join("chain.pem"), own + &office.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), own_key.serialize_pem()).unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let key = FarmKey::generate().unwrap();
    let mut options = options(&folder.path().join("master"), &key);
    options.ssl = Some(Ssl::Files {
        certificate: folder.path().join("chain.pem"),
        key: Some(folder.path().join("key.pem")),
    });
    let farm = Farm::start_with(folder, options, key);
    let port = host(&farm).rsplit(':').next().unwrap().to_owned();
    // In processes of their own: what the system trusts is told by the environment.
    let jobs = |name: &str, roots: &Path| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_netrender"))
            .args(["jobs", "--master", &format!("https://{name}:{port}")])
            .env("NETRENDER_CONFIG", farm.folder.path().join("config"))
            .env("NETRENDER_KEY", farm.key.to_string())
            .env("SSL_CERT_FILE", roots)
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let known = farm.folder.path().join("config/known-masters");
    assert_eq!(jobs("localhost", &roots), "");
    assert!(!known.exists(), "a certificate that others vouch for was kept");
    // For another name nobody vouches: it is the first meeting that counts.
    assert!(jobs("127.0.0.1", &roots).contains("first meeting"));
    let nobody = farm.folder.path().join("nobody.pem");
    std::fs::write(&nobody, "").unwrap();
    assert!(jobs("localhost", &nobody).contains("first meeting"));
    assert_eq!(std::fs::read_to_string(known).unwrap().lines().count(), 2);
}
