use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use std::time::Duration;
use tempfile::TempDir;

/// A certificate and its key, in PEM.
struct Pair {
    certificate: String,
    key: String,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2040, 1, 1));
    params
}

fn pair(params: &CertificateParams) -> Pair {
    let key = KeyPair::generate().unwrap();
    Pair {
        certificate: params.self_signed(&key).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

fn good() -> Pair {
    pair(&params("good"))
}

/// Somewhere in 2026.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(24 * 365 * 56 + 24 * 200)
}

/// The sentence about a certificate's file and a key's file with these contents.
#[track_caller]
fn refused(certificate: &str, key: Option<&str>, words: &str) {
    let (folder, identity) = files(certificate, key);
    let error = identity.read(now()).err().expect("it was accepted");
    drop(folder);
    assert!(error.message.contains(words), "{error}");
    assert!(error.hint.is_some() || words.contains("longer"), "{error} has no hint");
}

fn files(certificate: &str, key: Option<&str>) -> (TempDir, Identity) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let identity = Identity {
        certificate: write("cert.pem", certificate),
        key: key.map(|key| write("key.pem", key)),
    };
    (folder, identity)
}

#[test]
fn a_pair_is_taken_from_one_file_or_from_two() {
    let pair = good();
    let (_folder, identity) = files(&pair.certificate, Some(&pair.key));
    let two = identity.read(now()).unwrap().fingerprint;
    let (_folder, identity) = files(&(pair.key + "some text\n" + &pair.certificate), None);
    assert_eq!(identity.read(now()).unwrap().fingerprint, two);
}

#[test]
fn files_that_are_not_there_are_named() {
    let pair = good();
    let (folder, mut identity) = files(&pair.certificate, Some(&pair.key));
    identity.key = Some(folder.path().join("gone.pem"));
    assert!(identity.read(now()).err().unwrap().message.contains("gone.pem"));
    identity.certificate = folder.path().join("lost.pem");
    assert!(identity.read(now()).err().unwrap().message.contains("lost.pem"));
    identity.certificate = folder.path().to_path_buf();
    assert!(identity.read(now()).err().unwrap().message.contains("cannot read"));
}

#[test]
fn what_is_no_pem_is_told() {
    let pair = good();
    refused("\u{1}binary", Some(&pair.key), "is no PEM file");
    refused("", Some(&pair.key), "is no PEM file");
    refused(&pair.certificate, Some("hello"), "is no PEM file");
    refused(&pair.certificate.replace('M', "*"), Some(&pair.key), "is damaged");
    refused(&pair.certificate[..200], Some(&pair.key), "is damaged");
    let other = pair.certificate.lines().nth(2).unwrap().to_owned();
    refused(
        &pair.certificate.replace(&other, &"A".repeat(64)),
        Some(&pair.key),
        "is damaged",
    );
    refused(&"x".repeat(2 << 20), Some(&pair.key), "is longer than");
}

#[test]
fn what_is_missing_or_swapped_is_told() {
    let pair = good();
    refused(&pair.key, None, "no certificate in");
    refused(&pair.key, Some(&pair.key), "no certificate in");
    refused(&pair.certificate, None, "no private key in");
    refused(&pair.certificate, Some(&pair.certificate), "only certificates");
    refused(&pair.key, Some(&pair.certificate), "the two files are swapped");
    refused(&pair.certificate, Some(&pair.key.repeat(2)), "2 private keys");
}

#[test]
fn a_key_that_cannot_be_used_is_told() {
    let pair = good();
    refused(&pair.certificate, Some(&good().key), "does not belong to the certificate");
    let encrypted = pair.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    refused(&pair.certificate, Some(&encrypted), "protected by a pass phrase");
    let older = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    refused(&pair.certificate, Some(older), "protected by a pass phrase");
    let nonsense = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    refused(&pair.certificate, Some(nonsense), "cannot be used");
}

#[test]
fn a_certificate_is_used_in_its_time_only() {
    let mut early = params("early");
    early.not_before = date_time_ymd(2035, 3, 4);
    let early = pair(&early);
    refused(&early.certificate, Some(&early.key), "is not valid before 2035-03-04");
    let mut late = params("late");
    late.not_after = date_time_ymd(2021, 5, 6);
    let late = pair(&late);
    refused(&late.certificate, Some(&late.key), "expired on 2021-05-06");
}

#[test]
fn a_chain_of_trust_comes_after_the_certificate_in_the_order_of_issue() {
    let authority = |name: &str| {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let root = CertifiedIssuer::self_signed(authority("root"), KeyPair::generate().unwrap()).unwrap();
    let middle = CertifiedIssuer::signed_by(authority("middle"), KeyPair::generate().unwrap(), &root).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = params("node1").signed_by(&key, &middle).unwrap().pem();
    let (root, middle, key) = (root.pem(), middle.pem(), key.serialize_pem());

    let (_folder, identity) = files(&[own.as_str(), &middle, &root].concat(), Some(&key));
    assert_eq!(identity.read(now()).unwrap().certified.cert.len(), 3);
    let (_folder, identity) = files(&(own.clone() + &middle), Some(&key));
    assert!(identity.read(now()).is_ok(), "a chain without its root is the usual one");
    refused(&[middle.as_str(), &own, &root].concat(), Some(&key), "is not the first");
    refused(&[root.as_str(), &middle, &own].concat(), Some(&key), "is not the first");
    refused(
        &[own.as_str(), &root, &middle].concat(),
        Some(&key),
        "certificate 1 was not issued by certificate 2",
    );
}
