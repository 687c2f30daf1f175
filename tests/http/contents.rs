//! The content store from outside: bundles of small contents, and what goes when nobody needs it.

use crate::farm::{Farm, Reply, announce, content, hash_of};
use netrender::files::{Unbundling, append_to_bundle, pack, unpack};
use netrender::ids::ContentHash;
use serde_json::{Value, json};

fn bundle(contents: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for content in contents {
        append_to_bundle(&mut body, hash_of(content).parse().unwrap(), content);
    }
    body
}

fn taken_apart(body: &[u8]) -> Vec<Vec<u8>> {
    let (mut unbundling, mut found) = (Unbundling::default(), Vec::new());
    let taken = unbundling.take(body, |_: ContentHash, content| {
        found.push(content.to_vec());
        Ok(())
    });
    taken.and_then(|()| unbundling.end()).unwrap();
    found
}

fn is_complete(farm: &Farm, bytes: &[u8]) -> bool {
    farm.get(&format!("contents/{}/status", hash_of(bytes))).json()["complete"] == json!(true)
}

fn post_bundle(farm: &Farm, body: Vec<u8>) -> Reply {
    farm.send(farm.request("POST", "contents").body(body))
}

#[test]
fn small_contents_come_and_go_together() {
    let farm = Farm::start();
    let (main, wood, bark) = (content("main"), content("wood"), content("bark"));
    let files: [(&str, &[u8]); 4] = [("main.blend", &main), ("a.png", &wood), ("b.png", &bark), ("empty", b"")];
    let announced = farm.post("jobs", &announce("shot", "1", &files)).json();
    assert_eq!(announced["accepts"]["bundles"], json!(true));
    let job = announced["job"].as_str().unwrap();

    assert_eq!(
        post_bundle(&farm, bundle(&[&main, &wood, b""])).json(),
        json!({"contents": 3})
    );
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "waiting");
    // What is here already may come again.
    assert_eq!(post_bundle(&farm, bundle(&[&bark, &main])).json(), json!({"contents": 2}));
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "queued");

    let wanted: [&[u8]; 3] = [&bark, b"", &main];
    let body = json!({"contents": wanted.map(hash_of)});
    assert_eq!(taken_apart(&farm.post("contents/bundle", &body).expect(200).body), wanted);
    let body = json!({"contents": [hash_of(&main), hash_of(b"another")]});
    farm.post("contents/bundle", &body)
        .refused(404, "not_found", "is not on this master");
}

#[test]
fn a_bundle_that_is_not_what_it_says_leaves_nothing() {
    let farm = Farm::start();
    let (main, wood) = (content("main"), content("wood"));
    let files: [(&str, &[u8]); 2] = [("main.blend", &main), ("a.png", &wood)];
    farm.post("jobs", &announce("shot", "1", &files)).expect(200);
    let mut spoilt = bundle(&[&main, &wood]);
    *spoilt.last_mut().unwrap() ^= 1;
    post_bundle(&farm, spoilt).refused(400, "bad_input", "has the hash");
    let whole = bundle(&[&main, &wood]);
    post_bundle(&farm, whole[..whole.len() - 1].to_vec()).refused(400, "bad_input", "ends within a content");
    assert!(!is_complete(&farm, &main) && farm.files_below("contents").is_empty());

    post_bundle(&farm, bundle(&[&main, b"of no job"])).refused(404, "not_found", "no job on this master needs 1");
    assert!(is_complete(&farm, &main) && !is_complete(&farm, b"of no job"));
}

#[test]
fn packed_contents_are_kept_as_they_were() {
    let farm = Farm::start();
    let long = b"v 0.1 0.2 0.3\n".repeat(100_000);
    let (small, cut) = (b"f 1 2 3\n".repeat(1_000), b"vn 0 0 1\n".repeat(100_000));
    let files: [(&str, &[u8]); 3] = [("a.blend", &long), ("b.obj", &small), ("c.obj", &cut)];
    let announced = farm.post("jobs", &announce("shot", "1", &files)).json();
    assert_eq!(announced["accepts"]["packed"], json!(true));
    let packed = |plain: &[u8]| {
        let mut packed = Vec::new();
        pack(plain, &mut packed, |_| ()).unwrap();
        assert!(packed.len() * 4 < plain.len());
        packed
    };
    let path = |plain: &[u8], offset: usize| {
        let (hash, size) = (hash_of(plain), plain.len());
        format!("contents/{hash}?offset={offset}&size={size}&packed=true")
    };
    farm.put(&path(&long, 0), &packed(&long)).expect(200);
    assert_eq!(farm.get(&format!("contents/{}", hash_of(&long))).body, long);

    // More than was announced; then half of it, and the rest from there.
    let more = [&cut[..], b"more"].concat();
    farm.put(&path(&cut, 0), &packed(&more))
        .refused(400, "bad_input", "longer than");
    farm.put(&path(&cut, 0), &packed(&cut[..500_000]))
        .refused(400, "bad_input", "bytes have arrived");
    let status = farm.get(&format!("contents/{}/status", hash_of(&cut))).json();
    assert_eq!(status["present_bytes"], json!(500_000));
    farm.put(&path(&cut, 500_000), b"not packed at all")
        .refused(400, "bad_input", "cannot be unpacked");
    farm.put(&path(&cut, 500_000), &packed(&cut[500_000..])).expect(200);
    assert_eq!(farm.get(&format!("contents/{}", hash_of(&cut))).body, cut);

    let body = packed(&bundle(&[&small]));
    farm.send(farm.request("POST", "contents?packed=true").body(body)).expect(200);
    assert_eq!(
        farm.send(farm.request("POST", "contents?packed=true")).expect(200).json(),
        json!({"contents": 0})
    );
    assert_eq!(farm.get(&format!("contents/{}", hash_of(&small))).body, small);
}

#[test]
fn contents_go_out_packed_to_those_who_take_them_so_if_that_pays() {
    let farm = Farm::start();
    let text = b"v 0.1 0.2 0.3\n".repeat(100_000);
    let mut noise = vec![0; 50_000];
    fastrand::Rng::with_seed(7).fill(&mut noise);
    let small = b"f 1 2 3\n".repeat(1_000);
    let files: [(&str, &[u8]); 3] = [("a.blend", &text), ("b.obj", &small), ("c.png", &noise)];
    farm.post("jobs", &announce("shot", "1", &files)).expect(200);
    for (_, bytes) in files {
        farm.upload(bytes).expect(200);
    }
    let unpacked = |reply: &Reply| {
        assert_eq!(reply.headers["content-encoding"], "lz4");
        let mut plain = Vec::new();
        let unpacked = unpack(&reply.body[..], 2_000_000, |piece| {
            plain.extend_from_slice(piece);
            Ok(())
        });
        unpacked.unwrap();
        assert!(reply.body.len() * 4 < plain.len());
        plain
    };
    let path = |bytes: &[u8]| format!("contents/{}?packed=true", hash_of(bytes));
    assert_eq!(unpacked(&farm.get(&path(&text)).expect(200)), text);
    let from = |range: &str, bytes: &[u8]| farm.send(farm.request("GET", &path(bytes)).header("range", range));
    let rest = from("bytes=500000-", &text).expect(206);
    assert_eq!(rest.headers["content-range"], "bytes 500000-1399999/1400000");
    assert_eq!(unpacked(&rest), text[500_000..]);
    let part = from("bytes=7-9", &text).expect(206);
    assert_eq!(part.body, text[7..10], "other parts are plain");
    from("bytes=1400000-", &text).expect(416);

    let plain = farm.get(&path(&noise)).expect(200);
    assert!(plain.headers.get("content-encoding").is_none());
    assert_eq!(plain.body, noise);
    farm.get(&path(b"another")).refused(404, "not_found", "is not on this master");

    let wanted = |bytes: &[u8]| json!({"contents": [hash_of(bytes)]});
    let packed = farm.post("contents/bundle?packed=true", &wanted(&small)).expect(200);
    assert_eq!(taken_apart(&unpacked(&packed)), [&small[..]]);
    let plain = farm.post("contents/bundle?packed=true", &wanted(&noise)).expect(200);
    assert!(plain.headers.get("content-encoding").is_none());
    assert_eq!(taken_apart(&plain.body), [&noise[..]]);
}

#[test]
fn slaves_hear_where_the_files_lie_unless_all_must_go_over_the_wire() {
    let farm = Farm::start();
    let main = content("main");
    let mut shot = announce("shot", "1", &[("main.blend", &main)]);
    shot["manifest"]["artist_folder"] = json!("/projects/shot/");
    let job = farm.post("jobs", &shot).text("job");
    let told = || farm.get(&format!("jobs/{job}/manifest")).json()["artist_folder"].clone();
    assert_eq!(told(), "/projects/shot/");
    farm.send(farm.request("PUT", "settings").json(&json!({"force_upload": true})))
        .expect(200);
    assert_eq!(told(), Value::Null);
    let next = farm.post("jobs", &shot).text("job");
    farm.send(farm.request("PUT", "settings").json(&json!({"force_upload": false})))
        .expect(200);
    assert_eq!(told(), "/projects/shot/");
    assert_eq!(
        farm.get(&format!("jobs/{next}/manifest")).json()["artist_folder"],
        Value::Null,
        "it was not even kept"
    );
    shot["manifest"]["artist_folder"] = json!("/".repeat(5_000));
    farm.post("jobs", &shot).refused(400, "bad_input", "more than 4096 bytes");
}

#[test]
fn what_the_master_finds_on_a_shared_disk_need_not_be_sent() {
    let farm = Farm::start();
    let shared = tempfile::tempdir().unwrap();
    let (main, wood) = (content("main"), content("wood"));
    let files: [(&str, &[u8]); 2] = [("main.blend", &main), ("a.png", &wood)];
    let announced = farm.post("jobs", &announce("shot", "1", &files)).json();
    assert_eq!(announced["accepts"]["paths"], json!(true));
    let offer =
        |name: &str, bytes: &[u8]| json!({"hash": hash_of(bytes), "size_bytes": bytes.len(), "path": shared.path().join(name)});
    std::fs::write(shared.path().join("main.blend"), &main).unwrap();
    std::fs::write(shared.path().join("changed.png"), content("bark")).unwrap();
    std::fs::write(shared.path().join("of no job"), b"secret").unwrap();
    let offers = |offers: &[Value]| farm.post("contents/offers", &json!({"offers": offers})).json();
    // A file that is another one, that is not there, and that no job needs: nothing tells them apart.
    let others = [
        offer("changed.png", &wood),
        offer("none.png", &wood),
        offer("of no job", b"secret"),
    ];
    assert_eq!(offers(&others), json!({"contents": []}));
    assert!(farm.files_below("contents").is_empty());

    assert_eq!(offers(&[offer("main.blend", &main)]), json!({"contents": [hash_of(&main)]}));
    assert_eq!(farm.get(&format!("contents/{}", hash_of(&main))).body, main);
    std::fs::write(shared.path().join("a.png"), &wood).unwrap();
    let settings = farm.send(farm.request("PUT", "settings").json(&json!({"force_upload": true})));
    settings.expect(200);
    assert_eq!(offers(&[offer("a.png", &wood)]), json!({"contents": []}));
    let again = farm.post("jobs", &announce("again", "1", &files)).json();
    assert_eq!(again["accepts"]["paths"], json!(false));
    farm.upload(&wood).expect(200);
    let job = announced["job"].as_str().unwrap();
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "queued");
}

#[test]
fn nothing_stays_of_contents_that_no_job_needs() {
    let farm = Farm::start();
    let (own, shared, begun) = (content("own"), content("shared"), content("begun"));
    let files: [(&str, &[u8]); 3] = [("a.blend", &own), ("b.png", &shared), ("c.png", &begun)];
    let first = farm.post("jobs", &announce("a", "1", &files)).text("job");
    farm.post("jobs", &announce("b", "1", &[("b.png", &shared)])).expect(200);
    post_bundle(&farm, bundle(&[&own, &shared])).expect(200);
    let path = format!("contents/{}?offset=0&size={}", hash_of(&begun), begun.len());
    farm.put(&path, &begun[..1]).refused(400, "bad_input", "bytes have arrived");
    assert_eq!(farm.files_below("contents").len(), 3);

    farm.delete(&format!("jobs/{first}")).expect(204);
    let left = farm.files_below("contents");
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(is_complete(&farm, &shared));
    // Who announces it anew is told that it is missing, and may send it at once.
    let again = farm.post("jobs", &announce("c", "1", &[("a.blend", &own)]));
    assert_eq!(again.json()["missing"], json!([hash_of(&own)]));
    post_bundle(&farm, bundle(&[&own])).expect(200);
    let queued: Value = farm.get(&format!("jobs/{}", again.text("job"))).json();
    assert_eq!(queued["state"], "queued");
}

#[test]
fn a_job_that_comes_while_contents_of_another_go_waits_for_nothing_that_is_there() {
    let farm = Farm::start();
    // Many more than are taken out of the way at once.
    let contents: Vec<Vec<u8>> = (0..1_500).map(|number| format!("smoke {number}").into_bytes()).collect();
    let names: Vec<String> = (0..contents.len()).map(|number| format!("cache/{number}.vdb")).collect();
    let files: Vec<(&str, &[u8])> = names
        .iter()
        .map(String::as_str)
        .zip(contents.iter().map(Vec::as_slice))
        .collect();
    let first = farm.post("jobs", &announce("first", "1", &files)).text("job");
    for some in contents.chunks(750) {
        let some: Vec<&[u8]> = some.iter().map(Vec::as_slice).collect();
        post_bundle(&farm, bundle(&some)).expect(200);
    }
    let shared: Vec<(&str, &[u8])> = files.into_iter().step_by(75).collect();
    let announced = announce("second", "1", &shared);
    farm.delete(&format!("jobs/{first}")).expect(204);

    let second = farm.post("jobs", &announced).text("job");
    // As a client does it: what is complete is not sent.
    let sent = shared.iter().map(|(_, content)| *content);
    let gone: Vec<&[u8]> = sent.filter(|content| !is_complete(&farm, content)).collect();
    post_bundle(&farm, bundle(&gone)).expect(200);
    // Each question is a round of the master, in which some are looked at.
    let mut states = (0..100).map(|_| farm.get(&format!("jobs/{second}")).text("state"));
    assert!(states.any(|state| state == "queued"));
    assert!(shared.iter().all(|(_, content)| is_complete(&farm, content)));
}
