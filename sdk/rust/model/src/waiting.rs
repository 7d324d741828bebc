//! The locks, as models.

pub(crate) use shuttle::sync::Mutex;
use shuttle::sync::MutexGuard;

pub(crate) fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().expect("nobody panics with a lock")
}
