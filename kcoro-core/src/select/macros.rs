// SPDX-License-Identifier: BSD-3-Clause
//! The macros: they turn arms into a tuple of [`Arm`](super::Arm)s, and the chosen one's result into a match.

/// Waits for the first of several operations; see [`select`](mod@crate::select#arms) for the arms and what it promises.
///
/// Of several arms that are ready it takes one at random.
///
/// ```
/// use kcoro_core::channel::bounded;
/// use kcoro_core::select;
///
/// let (tx, rx) = bounded::<u32>(1);
/// // Both ways of one channel: there is room, and nothing to receive.
/// let chosen = select! {
///     send(tx, 1) -> sent => sent.map(|()| "sent").unwrap(),
///     recv(rx) -> _ => "received",
/// };
/// assert_eq!(chosen, "sent");
/// assert_eq!(rx.recv(), Ok(1));
/// ```
#[macro_export]
macro_rules! select {
    ($($tokens:tt)*) => { $crate::__select!(@start (Fair now) $($tokens)*) };
}

/// As [`select!`](crate::select!), but of several arms that are ready it takes the first.
///
/// ```
/// use kcoro_core::channel::bounded;
/// use kcoro_core::select_biased;
///
/// let (urgent_in, urgent) = bounded(1);
/// let (_slow_in, slow) = bounded::<&str>(1);
/// urgent_in.send("fire").unwrap();
/// let first = select_biased! {
///     recv(urgent) -> word => word.unwrap(),
///     recv(slow) -> word => word.unwrap(),
///     default => "nothing",
/// };
/// assert_eq!(first, "fire");
/// ```
#[macro_export]
macro_rules! select_biased {
    ($($tokens:tt)*) => { $crate::__select!(@start (Biased now) $($tokens)*) };
}

/// As [`select!`](crate::select!), in async code: it awaits instead of parking, and its arms' code may await.
///
/// It does not know the coroutine that polls it, so it is no cancellation point, and `cancelled()` is no arm of it: drop the
/// future instead. `cancelled(token)` is one. The time of `after(duration)` and `default(duration)` counts from the first poll,
/// and is kept by the runtime on which that happens; elsewhere `after` is chosen at once, with an error as its result, and
/// `default` panics. Dropping the future that awaits it gives up.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kcoro_core::channel::bounded;
/// use kcoro_core::select_async;
/// use kcoro_core::wait::block_on;
///
/// let (tx, rx) = bounded(1);
/// let (_silent, silence) = bounded::<()>(1);
/// let sum = block_on(async {
///     tx.send_async(2).await.unwrap();
///     select_async! {
///         recv(rx) -> value => value.unwrap() + async { 1 }.await,
///         recv(silence) -> never => unreachable!("{never:?}"),
///     }
/// });
/// assert_eq!(sum, Ok(3));
/// # }
/// ```
#[macro_export]
macro_rules! select_async {
    ($($tokens:tt)*) => { $crate::__select!(@start (Fair awaited) $($tokens)*) };
}

/// As [`select_async!`](crate::select_async!), but of several arms that are ready it takes the first.
#[macro_export]
macro_rules! select_biased_async {
    ($($tokens:tt)*) => { $crate::__select!(@start (Biased awaited) $($tokens)*) };
}

/// Takes the tokens apart: `@start (order when) tokens`, then `@arms (order when) [names] [arms] [default] tokens`.
#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    (@start $how:tt) => { $crate::__select!(@none $how) };
    (@start $how:tt $($rest:tt)+) => {
        $crate::__select!(@arms $how [A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 -] [] [] $($rest)+)
    };

    // An arm: its expression, its pattern, and then its body.
    (@arms $how:tt $names:tt $arms:tt $default:tt recv($rx:expr $(,)?) -> $result:pat => $($rest:tt)+) => {
        $crate::__select!(@body $how $names $arms $default [($rx.recv_arm()) ($result)] $($rest)+)
    };
    (@arms $how:tt $names:tt $arms:tt $default:tt send($tx:expr, $value:expr $(,)?) -> $result:pat => $($rest:tt)+) => {
        $crate::__select!(@body $how $names $arms $default [($tx.send_arm($value)) ($result)] $($rest)+)
    };
    (@arms $how:tt $names:tt $arms:tt $default:tt join($handle:expr $(,)?) -> $result:pat => $($rest:tt)+) => {
        $crate::__select!(@body $how $names $arms $default [($handle.join_arm()) ($result)] $($rest)+)
    };
    (@arms $how:tt $names:tt $arms:tt $default:tt arm($arm:expr $(,)?) -> $result:pat => $($rest:tt)+) => {
        $crate::__select!(@body $how $names $arms $default [($arm) ($result)] $($rest)+)
    };
    (@arms $how:tt $names:tt $arms:tt $default:tt cancelled($token:expr $(,)?) -> $result:pat => $($rest:tt)+) => {
        $crate::__select!(@body $how $names $arms $default [($token.cancelled_arm()) ($result)] $($rest)+)
    };
    (@arms $how:tt $names:tt $arms:tt $default:tt cancelled($token:expr $(,)?) => $($rest:tt)+) => {
        $crate::__select!(@body $how $names $arms $default [($token.cancelled_arm()) (_)] $($rest)+)
    };
    (@arms ($order:ident awaited) $names:tt $arms:tt $default:tt cancelled() $($rest:tt)*) => {
        compile_error!("`cancelled()` is no arm in async code: drop the future instead, or name a token")
    };
    (@arms ($order:ident awaited) $names:tt $arms:tt $default:tt after($limit:expr $(,)?) $(-> $result:pat)? => $($rest:tt)+) => {
        $crate::__select!(@body ($order awaited) $names $arms $default
            [($crate::sched::sleep_arm($limit)) ($($result)?)] $($rest)+)
    };
    (@arms $how:tt $names:tt $arms:tt $default:tt after($limit:expr $(,)?) $(-> $result:pat)? => $($rest:tt)+) => {
        $crate::__select!(@body $how $names $arms $default
            [($crate::select::after_arm($limit)) ($($result)?)] $($rest)+)
    };
    (@arms $how:tt $names:tt $arms:tt $default:tt cancelled() $(-> $result:pat)? => $($rest:tt)+) => {
        $crate::__select!(@body $how $names $arms $default
            [($crate::select::cancelled_arm()) ($($result)?)] $($rest)+)
    };
    (@arms $how:tt $names:tt $arms:tt [] default $(())? => $($rest:tt)+) => {
        $crate::__select!(@body $how $names $arms [] [default ()] $($rest)+)
    };
    (@arms $how:tt $names:tt $arms:tt [] default($limit:expr $(,)?) => $($rest:tt)+) => {
        $crate::__select!(@body $how $names $arms [] [default ($limit)] $($rest)+)
    };
    (@arms $how:tt $names:tt $arms:tt [$($default:tt)+] default $($rest:tt)+) => {
        compile_error!("a select has one `default` at most")
    };
    // A limit in async code is one arm more. That takes a name, as any arm.
    (@arms ($order:ident awaited) [$name:ident $($names:tt)+] [$($arms:tt)+] [($limit:expr) ($default:expr)]) => {
        $crate::__select!(@$order awaited
            [$($arms)+ ($name ($crate::sched::sleep_arm($limit)) (passed) ({ $crate::select::in_time(passed); $default }))] [])
    };
    (@arms ($order:ident awaited) [-] [$($arms:tt)+] [($limit:expr) $default:tt]) => {
        compile_error!("a select macro in async code takes up to 16 arms, of which a `default` with a duration is one")
    };
    (@arms ($($how:tt)+) $names:tt $arms:tt $default:tt) => {
        $crate::__select!(@$($how)+ $arms $default)
    };
    (@arms $how:tt $names:tt $arms:tt $default:tt recv $($rest:tt)*) => {
        compile_error!("expected `recv(receiver) -> value => code`")
    };
    (@arms $how:tt $names:tt $arms:tt $default:tt send $($rest:tt)*) => {
        compile_error!("expected `send(sender, value) -> sent => code`")
    };
    (@arms $how:tt $names:tt $arms:tt $default:tt join $($rest:tt)*) => {
        compile_error!("expected `join(handle) -> output => code`")
    };
    (@arms $how:tt $names:tt $arms:tt $default:tt $($rest:tt)*) => {
        compile_error!(concat!(
            "expected an arm: `recv(rx) -> value =>`, `send(tx, value) -> sent =>`, `join(handle) -> output =>`, ",
            "`after(duration) =>`, `cancelled() =>`, `arm(arm) -> result =>`, `default =>` or `default(duration) =>`; found `",
            stringify!($($rest)*),
            "`"
        ))
    };

    // A body: a block, with or without a comma, or an expression.
    (@body $how:tt $names:tt $arms:tt $default:tt $head:tt $body:block, $($rest:tt)*) => {
        $crate::__select!(@push $how $names $arms $default $head ($body) $($rest)*)
    };
    (@body $how:tt $names:tt $arms:tt $default:tt $head:tt $body:block $($rest:tt)*) => {
        $crate::__select!(@push $how $names $arms $default $head ($body) $($rest)*)
    };
    (@body $how:tt $names:tt $arms:tt $default:tt $head:tt $body:expr, $($rest:tt)*) => {
        $crate::__select!(@push $how $names $arms $default $head ($body) $($rest)*)
    };
    (@body $how:tt $names:tt $arms:tt $default:tt $head:tt $body:expr) => {
        $crate::__select!(@push $how $names $arms $default $head ($body))
    };

    (@push $how:tt $names:tt $arms:tt [] [default $limit:tt] $body:tt $($rest:tt)*) => {
        $crate::__select!(@arms $how $names $arms [$limit $body] $($rest)*)
    };
    (@push $how:tt [-] $arms:tt $default:tt $head:tt $body:tt $($rest:tt)*) => {
        compile_error!("a select macro takes up to 16 arms; `select::Select` takes any number")
    };
    (@push $how:tt [$name:ident $($names:tt)+] [$($arms:tt)*] $default:tt [$arm:tt ()] $body:tt $($rest:tt)*) => {
        $crate::__select!(@arms $how [$($names)+] [$($arms)* ($name $arm (_) $body)] $default $($rest)*)
    };
    (@push $how:tt [$name:ident $($names:tt)+] [$($arms:tt)*] $default:tt [$arm:tt $result:tt] $body:tt $($rest:tt)*) => {
        $crate::__select!(@arms $how [$($names)+] [$($arms)* ($name $arm $result $body)] $default $($rest)*)
    };

    // The end: `let` drops what the expressions borrow before a body begins.
    (@none ($order:ident now)) => { $crate::select::wait_for_cancel() };
    (@none ($order:ident awaited)) => { compile_error!("a select in async code needs an arm") };
    (@$order:ident awaited [$(($name:ident ($arm:expr) ($result:pat) ($body:expr)))+] []) => {{
        let chosen = $crate::select::wait_async($crate::select::Order::$order, ($($arm,)+)).await;
        match chosen {
            $($crate::select::OneOf::$name($result) => $body,)+
        }
    }};
    (@$order:ident awaited $arms:tt $default:tt) => { $crate::__select!(@$order now $arms $default) };
    (@$order:ident now [$(($name:ident ($arm:expr) ($result:pat) ($body:expr)))+] []) => {{
        let chosen = $crate::select::wait($crate::select::Order::$order, ($($arm,)+));
        match chosen {
            $($crate::select::OneOf::$name($result) => $body,)+
        }
    }};
    (@$order:ident now [$(($name:ident ($arm:expr) ($result:pat) ($body:expr)))+] [() ($default:expr)]) => {{
        let chosen = $crate::select::try_now($crate::select::Order::$order, ($($arm,)+));
        match chosen {
            $(Some($crate::select::OneOf::$name($result)) => $body,)+
            None => $default,
        }
    }};
    (@$order:ident now [$(($name:ident ($arm:expr) ($result:pat) ($body:expr)))+] [($limit:expr) ($default:expr)]) => {{
        let chosen = $crate::select::wait_for($crate::select::Order::$order, ($($arm,)+), $limit);
        match chosen {
            $(Some($crate::select::OneOf::$name($result)) => $body,)+
            None => $default,
        }
    }};
    (@$order:ident $when:ident [] $default:tt) => {
        compile_error!("a select with `default` needs another arm; to wait for a time there is `time::sleep`")
    };
}
