//! The monitor's pages: behind the key, without scripts, escaped.

use crate::farm::{Farm, Reply};
use serde_json::json;

fn header(reply: &Reply, name: &str) -> String {
    reply.headers[name].to_str().unwrap().to_owned()
}

fn log_in(farm: &Farm, key: &str) -> Reply {
    let request = farm
        .bare_request("POST", "/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", farm.master.url())
        .body(format!("key={key}"));
    farm.send(request)
}

#[test]
fn the_key_is_entered_once_and_then_the_pages_open() {
    let farm = Farm::start();
    let page = farm.send(farm.bare_request("GET", "/"));
    assert_eq!((page.status, header(&page, "location").as_str()), (303, "/login"));
    assert!(String::from_utf8_lossy(&farm.send(farm.bare_request("GET", "/login")).body).contains("name=\"key\""));
    assert_eq!(log_in(&farm, "abc").status, 401);
    let entered = log_in(&farm, &farm.key.to_string());
    assert_eq!(entered.status, 303);
    let cookie = header(&entered, "set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(&farm.key.to_string()), "the key itself is in the cookie");
    let cookie = cookie.split(';').next().unwrap().to_owned();

    let with_cookie = |method: &str, path: &str| farm.bare_request(method, path).header("cookie", &cookie);
    let empty = farm.send(with_cookie("GET", "/")).expect(200);
    assert!(String::from_utf8_lossy(&empty.body).contains("No jobs yet"));
    let name = "<script>alert(1)</script>";
    let job = farm.post("jobs", &json!({"name": name, "frames": "1-500"})).text("job");
    for path in [
        "/".to_owned(),
        format!("/html/job/{job}"),
        format!("/html/job/{job}?offset=400"),
    ] {
        let page = farm.send(with_cookie("GET", &path)).expect(200);
        let page = String::from_utf8_lossy(&page.body).into_owned();
        assert!(page.contains("alert(1)") && !page.contains("<script>"), "{page}");
    }
    // A button of our own page works; one of another's does not, nor a link.
    let pause = format!("/html/job/{job}/pause");
    assert_eq!(farm.send(with_cookie("POST", &pause)).status, 303);
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "queued");
    let pressed = with_cookie("POST", &pause).header("origin", farm.master.url());
    assert_eq!(farm.send(pressed).status, 303);
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "paused");
    assert_eq!(farm.send(with_cookie("GET", &pause)).status, 405);
    assert_eq!(farm.send(with_cookie("GET", "/html/job/00000000")).status, 404);
}
