import logo from '../favicon.svg';

export const Logo = () => <img src={logo} alt="" width={26} height={26} />;
