//! Numbers of frames in words.

pub(super) fn frames(count: u32) -> String {
    if count == 1 {
        "1 frame".to_owned()
    } else {
        format!("{count} frames")
    }
}

pub(super) fn frames_wait(count: u32) -> String {
    let wait = if count == 1 { "waits" } else { "wait" };
    format!("{} {wait}", frames(count))
}

pub(super) fn frames_were(count: u32) -> String {
    if count == 1 {
        "1 frame was".to_owned()
    } else {
        format!("{count} frames were")
    }
}

pub(super) fn frames_are(count: u32) -> String {
    if count == 1 {
        "frame is".to_owned()
    } else {
        format!("{count} frames are")
    }
}
