//! The secret of a run, and how both sides of a connection prove that they know it.
//!
//! The secret never travels. Each side draws a nonce for the connection, and proves itself by an
//! HMAC-SHA256 over its role, both nonces and the hello line. So a proof is good for one role on one
//! connection, and whoever records it learns nothing of use.
//!
//! The file of a secret belongs to the user who runs the machines, and to nobody else: a file that
//! others may read is no secret, and is refused.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, anyhow, bail};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::TryRng as _;
use rand::rngs::SysRng;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sha2::Sha256;

/// The largest file that is looked into, in bytes.
const FILE_LEN_MAX: u64 = 4096;

/// The key that all machines of a run share.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

/// Which side of a connection proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The machine that connects.
    Connector,
    /// The machine that is connected to.
    Listener,
}

/// What was said on a connection before the proofs.
#[derive(Clone, Copy, Debug)]
pub struct Transcript<'a> {
    /// The text of the hello line, without its line feed.
    pub hello: &'a str,
    /// The nonce of the machine that connects.
    pub connector: Nonce,
    /// The nonce of the machine that is connected to.
    pub listener: Nonce,
}

/// A random number that is used once: on one connection, by one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce([u8; 16]);

/// That its maker knows the secret; checked by [`Secret::verifies`] and by nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof([u8; 32]);

impl Secret {
    /// Draws a secret, and keeps it in a new file that only its owner can read.
    ///
    /// # Errors
    /// When there is a file of that name already, or it cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let secret = Self::draw()?;
        secret.save_new(path).with_context(|| cannot_create(path))?;
        Ok(secret)
    }

    /// Reads a secret.
    ///
    /// # Errors
    /// When there is no such file, it is no regular file, somebody else owns it or may read it, or
    /// it holds no secret.
    pub fn load(path: &Path) -> Result<Self> {
        // Links are not followed, and a named pipe is not waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty());
        let file = file.map_err(|error| cannot_open(path, error))?;
        Self::read(File::from(file)).with_context(|| format!("the secret {}", path.display()))
    }

    /// Reads a secret, or makes it if there is none. Machines that do so at one time agree.
    ///
    /// # Errors
    /// When a file is there that [`Secret::load`] refuses, or none can be made.
    pub fn load_or_create(path: &Path) -> Result<Self> {
        if fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            Self::create_whole(path).with_context(|| cannot_create(path))?;
        }
        Self::load(path)
    }

    /// Proves, in one role, to know the secret.
    #[must_use]
    pub fn proof(&self, role: Role, transcript: &Transcript<'_>) -> Proof {
        Proof(self.mac(role, transcript).finalize().into_bytes().into())
    }

    /// Whether a proof was made in this role, on this connection, by someone who knows the secret;
    /// how long the answer takes tells nothing.
    #[must_use]
    pub fn verifies(&self, role: Role, transcript: &Transcript<'_>, proof: &Proof) -> bool {
        self.mac(role, transcript).verify(&proof.0.into()).is_ok()
    }

    /// The hello line comes last, as the only part whose length is open: so one text has one reading.
    fn mac(&self, role: Role, transcript: &Transcript<'_>) -> Hmac<Sha256> {
        let Transcript { hello, connector, listener } = transcript;
        let role = match role {
            Role::Connector => "connector",
            Role::Listener => "listener",
        };
        let nonces = format!("\n{connector}\n{listener}\n");
        let mac = Hmac::new_from_slice(&self.0).expect("a key may have any length");
        mac.chain_update(role).chain_update(nonces).chain_update(hello)
    }

    fn draw() -> Result<Self> {
        Ok(Self(draw().context("cannot draw a secret")?))
    }

    fn read(file: File) -> Result<Self> {
        let found = file.metadata()?;
        if !found.is_file() {
            bail!("is no regular file; put a file of 64 hexadecimal digits there");
        }
        let (owner, user) = (found.uid(), rustix::process::geteuid().as_raw());
        if owner != user {
            bail!("belongs to user {owner}, not to user {user}, who runs this; chown {user} it");
        }
        let mode = found.mode() & 0o7777;
        if mode & 0o077 != 0 {
            bail!("may be used by others (mode {mode:04o}); chmod 600 it, or better make another");
        }
        let mut text = Vec::new();
        file.take(FILE_LEN_MAX + 1).read_to_end(&mut text)?;
        let len = text.len() as u64;
        if FILE_LEN_MAX < len {
            bail!("has more than {FILE_LEN_MAX} bytes; a secret has 65");
        }
        let digits = text.strip_suffix(b"\n").and_then(|text| std::str::from_utf8(text).ok());
        let Some(key) = digits.and_then(from_hex) else {
            // What was found is not shown: it may be a secret with a slip in it.
            bail!(
                "does not read as 64 digits 0-9 and a-f and a line feed ({len} bytes were found); \
                 copy it again, or remove it and make another"
            );
        };
        Ok(Self(key))
    }

    fn save_new(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let written = file.write_all(format!("{}\n", Hex(&self.0)).as_bytes());
        if written.is_err() {
            // Half a secret is of no use. If it stays, reading it says so.
            let _ = fs::remove_file(path);
        }
        written
    }

    /// Makes a file that is whole as soon as it has its name; somebody else's that is there first
    /// stays.
    fn create_whole(path: &Path) -> Result<()> {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(format!(".{}", Nonce::draw()?));
        let unfinished = PathBuf::from(unfinished);
        Self::draw()?.save_new(&unfinished)?;
        let linked = fs::hard_link(&unfinished, path);
        fs::remove_file(&unfinished)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Secret {
    /// Shows nothing of the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

fn cannot_create(path: &Path) -> String {
    format!("cannot make the secret {}", path.display())
}

fn cannot_open(path: &Path, error: Errno) -> anyhow::Error {
    let path = path.display();
    match error {
        Errno::LOOP => anyhow!("the secret {path} is a symbolic link; name the file itself"),
        Errno::NOENT => anyhow!("there is no secret {path}; copy it from where the run was made"),
        Errno::ACCESS => anyhow!("cannot read the secret {path}: {error}; run as its owner"),
        _ => anyhow!("cannot open the secret {path}: {error}"),
    }
}

impl Nonce {
    /// Draws a nonce from the operating system's entropy.
    ///
    /// # Errors
    /// When the operating system gives no entropy.
    pub fn draw() -> Result<Self> {
        Ok(Self(draw().context("cannot draw a nonce")?))
    }
}

fn draw<const N: usize>() -> Result<[u8; N], rand::rngs::SysError> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(bytes)
}

impl fmt::Display for Nonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(formatter)
    }
}

impl FromStr for Nonce {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        from_hex(text).map(Self).ok_or_else(|| "expected a nonce: 32 digits 0-9 and a-f".to_owned())
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(formatter)
    }
}

impl FromStr for Proof {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        from_hex(text).map(Self).ok_or_else(|| "expected a proof: 64 digits 0-9 and a-f".to_owned())
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Bytes, printed as two lower-case hexadecimal digits each.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    /// Writes all digits at once: a machine with a hundred peers prints thirty thousand of them before
    /// it starts.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(2 * self.0.len());
        for byte in self.0 {
            text.extend(
                [byte >> 4, byte & 0xf].map(|digit| char::from(DIGITS[usize::from(digit)])),
            );
        }
        formatter.write_str(&text)
    }
}

/// Reads exactly `N` bytes; nothing if the text is anything but lower-case digits, two for each.
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [upper, lower]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*upper)? << 4 | digit(*lower)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::process::Command;
    use std::thread;
    use tempfile::TempDir;

    const HELLO: &str = "hello 2 the-run 1 2 1";

    fn counting<const N: usize>(from: u8) -> [u8; N] {
        std::array::from_fn(|index| from + u8::try_from(index).unwrap())
    }

    fn transcript() -> Transcript<'static> {
        Transcript { hello: HELLO, connector: Nonce(counting(0)), listener: Nonce(counting(16)) }
    }

    /// A file of this content and mode in a new folder.
    fn file(content: &[u8], mode: u32) -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn refusal(path: &Path) -> String {
        format!("{:#}", Secret::load(path).unwrap_err())
    }

    #[test]
    fn known_secrets_give_known_proofs() {
        // Computed independently, by HMAC-SHA256 of another language.
        let secret = Secret(counting(0));
        assert_eq!(
            secret.proof(Role::Connector, &transcript()).to_string(),
            "d141dd5b348807ec062fd5db9ecd4e818bc5bdedc74ecb999089c9c4c37d9348"
        );
        assert_eq!(
            secret.proof(Role::Listener, &transcript()).to_string(),
            "b96a2564a38f7f6e6c3a254b1ef72b00f1789638627c6e23a9174ff45a39e478"
        );
    }

    #[test]
    fn a_proof_is_good_for_one_role_on_one_connection() {
        let secret = Secret(counting(0));
        let proof = secret.proof(Role::Connector, &transcript());
        assert!(secret.verifies(Role::Connector, &transcript(), &proof));
        assert!(!secret.verifies(Role::Listener, &transcript(), &proof));
        assert!(!Secret(counting(1)).verifies(Role::Connector, &transcript(), &proof));
        let Transcript { hello, connector, listener } = transcript();
        for other in [
            Transcript { hello: "hello 2 the-run 1 2 11", connector, listener },
            Transcript { hello, connector: listener, listener: connector },
            Transcript { hello, connector, listener: Nonce(counting(17)) },
            Transcript { hello, connector: Nonce(counting(1)), listener },
        ] {
            assert!(!secret.verifies(Role::Connector, &other, &proof), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn a_proof_with_one_wrong_bit_is_refused(bit in 0..256_usize) {
            let secret = Secret(counting(0));
            let mut proof = secret.proof(Role::Listener, &transcript());
            proof.0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!secret.verifies(Role::Listener, &transcript(), &proof));
        }

        #[test]
        fn what_is_printed_is_read_back(nonce: [u8; 16], proof: [u8; 32]) {
            prop_assert_eq!(Nonce(nonce).to_string().parse(), Ok(Nonce(nonce)));
            prop_assert_eq!(Proof(proof).to_string().parse(), Ok(Proof(proof)));
        }
    }

    #[test]
    fn one_nonce_has_one_text() {
        let text = "00112233445566778899aabbccddeeff";
        assert!(text.parse::<Nonce>().is_ok());
        for wrong in [
            "".to_owned(),
            text.to_uppercase(),
            text[1..].to_owned(),
            format!("{text}0"),
            format!("{text} "),
            format!("+{}", &text[1..]),
            text.replace('f', "é"),
            text.repeat(2),
        ] {
            assert!(wrong.parse::<Nonce>().is_err(), "{wrong}");
        }
        assert!(text.parse::<Proof>().is_err());
        assert!(text.repeat(2).parse::<Proof>().is_ok());
    }

    #[test]
    fn two_draws_differ() {
        assert_ne!(Nonce::draw().unwrap(), Nonce::draw().unwrap());
        assert_ne!(Secret::draw().unwrap(), Secret::draw().unwrap());
    }

    #[test]
    fn a_secret_is_kept_in_a_file_for_its_owner_alone() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("secret");
        let secret = Secret::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", Hex(&secret.0)));
        assert_eq!(Secret::load(&path).unwrap(), secret);
        let twice = format!("{:#}", Secret::create(&path).unwrap_err());
        assert!(twice.contains("cannot make the secret") && twice.contains("exists"), "{twice}");
        assert_eq!(Secret::load_or_create(&path).unwrap(), secret);
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret(counting(0))), "Secret(..)");
    }

    #[test]
    fn machines_that_make_a_secret_at_one_time_agree() {
        for _ in 0..20 {
            let folder = TempDir::new().unwrap();
            let path = folder.path().join("secret");
            let secrets: Vec<Secret> = thread::scope(|scope| {
                let make = || Secret::load_or_create(&path).unwrap();
                let makers: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
                makers.into_iter().map(|maker| maker.join().unwrap()).collect()
            });
            assert!(secrets.iter().all(|secret| *secret == secrets[0]));
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        }
    }

    #[test]
    fn a_file_that_others_may_use_is_refused() {
        let text = format!("{}\n", "5a".repeat(32));
        for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601] {
            let (_folder, path) = file(text.as_bytes(), mode);
            let why = refusal(&path);
            assert!(why.contains(&format!("(mode {mode:04o}); chmod 600")), "{why}");
            assert!(why.contains(path.to_str().unwrap()), "{why}");
        }
        for mode in [0o600, 0o400] {
            let (_folder, path) = file(text.as_bytes(), mode);
            assert_eq!(Secret::load(&path).unwrap(), Secret([0x5a; 32]));
        }
    }

    #[test]
    fn a_file_of_another_owner_is_refused() {
        let (_folder, path) = file(format!("{}\n", "5a".repeat(32)).as_bytes(), 0o600);
        if std::os::unix::fs::chown(&path, Some(65534), None).is_ok() {
            let why = refusal(&path);
            assert!(why.contains("belongs to user 65534, not to user "), "{why}");
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_shown() {
        let digits = "5a".repeat(32);
        for content in [
            String::new(),
            "\n".to_owned(),
            digits.clone(),
            format!("{digits}\n\n"),
            format!("{digits}0\n"),
            format!("{}\n", &digits[1..]),
            format!("{digits}\r\n"),
            format!("{}\n", digits.to_uppercase()),
            format!("\u{feff}{digits}\n"),
        ] {
            let (_folder, path) = file(content.as_bytes(), 0o600);
            let why = refusal(&path);
            assert!(why.contains("does not read as 64 digits"), "{content:?}: {why}");
            assert!(!why.contains("5a5a") && !why.contains("5A5A"), "{why}");
        }
        let (_folder, path) = file(&[0xff; 65], 0o600);
        assert!(refusal(&path).contains("(65 bytes were found)"));
        let (_folder, path) = file(&[b'0'; 4097], 0o600);
        assert!(refusal(&path).contains("has more than 4096 bytes"));
    }

    #[test]
    fn what_is_no_file_is_refused_and_not_waited_for() {
        let (folder, path) = file(format!("{}\n", "5a".repeat(32)).as_bytes(), 0o600);
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(refusal(&link).contains("link is a symbolic link; name the file itself"));
        assert!(Secret::load_or_create(&link).is_err());
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().unwrap().success());
        for other in [pipe.as_path(), folder.path()] {
            assert!(refusal(other).contains("is no regular file"), "{}", refusal(other));
        }
        assert!(refusal(&folder.path().join("none")).contains("there is no secret"));
    }
}
